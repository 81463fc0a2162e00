/** From the file's bytes and the environment to a frozen configuration, or to lines that say what is wrong. */
import { StalledError } from "../errors.ts";
import { parseYamlDocument, YamlProblem } from "../core/bounded_yaml.ts";
import { isJsonObject, type JsonObject } from "../core/kubernetes_object.ts";
import { describeIssues } from "../core/schema_problem.ts";
import { ENVIRONMENT } from "./environment.ts";
import { type Config, ConfigSchema } from "./schema.ts";

export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Throws StalledError `config_invalid` with one line per problem: path, what is allowed, what is there. */
export function parseConfig(
  bytes: Uint8Array | string,
  env: (name: string) => string | undefined,
  source: string,
): Config {
  const { document, variables } = withEnvironment(readDocument(bytes, source), env);
  const parsed = ConfigSchema.safeParse(document);
  if (parsed.success) return deepFreeze(parsed.data);
  const lines = describeIssues(parsed.error, document, ConfigSchema);
  const besides = variables.length === 0 ? "" : `, with ${variables.join(", ")},`;
  const message = `${source}${besides} is not valid:\n  ${lines.join("\n  ")}`;
  throw new StalledError("config_invalid", message, {
    hint: "docs/configuration.md lists every key",
  });
}

function readDocument(bytes: Uint8Array | string, source: string): JsonObject {
  try {
    const document = parseYamlDocument(bytes);
    if (isJsonObject(document)) return document;
    throw new YamlProblem("must be a mapping of keys");
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new StalledError("config_invalid", `${source} ${error.message}`, { cause: error });
  }
}

/** @returns also the variables that took part, for the message: the mistake may be in one of them */
function withEnvironment(
  document: JsonObject,
  env: (name: string) => string | undefined,
): { document: JsonObject; variables: string[] } {
  const merged = structuredClone(document);
  const variables: string[] = [];
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = env(variable);
    if (value === undefined || value === "") continue;
    variables.push(variable);
    setAt(merged, path, value);
  }
  return { document: merged, variables };
}

function setAt(target: JsonObject, [key, ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    target[key!] = value;
    return;
  }
  const inner = target[key!] ??= {};
  // Anything but a mapping is a mistake in the file, which the schema is to see.
  if (isJsonObject(inner)) setAt(inner, rest, value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
