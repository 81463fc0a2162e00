/**
 * values.schema.json: the chart's own values, with the agent's configuration and the execution policy as
 * their schemas have them, so that Helm refuses a misspelt key before anything is installed.
 */
import { z } from "zod";
import { ConfigSchema } from "../../src/config/schema.ts";
import { PolicySchema } from "../../src/core/policy.ts";
import { Values } from "./values.ts";

type Node = z.core.JSONSchema.BaseSchema;

/** What the chart sets itself. */
const OWNED = ["stateDir", "nodeName", "kubernetes", "listener"] as const;
const OWNED_OF_EXECUTION = ["policyFile", "files"] as const;

export function valuesSchema(): Node {
  const schema = jsonSchema(Values);
  const properties = schema.properties as Record<string, Node>;
  properties.config = { ...configSchema(), description: properties.config!.description! };
  properties.policy = { ...policySchema(), description: properties.policy!.description! };
  return { $schema: "http://json-schema.org/draft-07/schema#", title: "Values", ...schema };
}

export function renderValuesSchema(): string {
  return `${JSON.stringify(valuesSchema(), null, 2)}\n`;
}

function configSchema(): Node {
  const schema = jsonSchema(ConfigSchema);
  const properties = schema.properties as Record<string, Node>;
  without(schema, OWNED);
  without(properties.execution!, OWNED_OF_EXECUTION);
  // By default the service account's token is what Vault is shown.
  properties.vault!.required = properties.vault!.required!.filter((key) => key !== "auth");
  return schema;
}

/** Empty for none; kind and apiVersion may be left out; files are of edge hosts. */
function policySchema(): Node {
  const schema = jsonSchema(PolicySchema);
  delete schema.required;
  return JSON.parse(JSON.stringify(schema).replaceAll(',"files"', ""));
}

function without(schema: Node, keys: readonly string[]): void {
  for (const key of keys) delete schema.properties![key];
}

function jsonSchema(schema: z.ZodType): Node {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return stripped(rest) as Node;
}

/** Without what only documents read, and defaults, which are the agent's and not Helm's. */
function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !isAside(key, inner))
      .map(([key, inner]) => [
        key,
        key === "properties" ? strippedEach(inner) : stripped(inner),
      ]),
  );
}

/** Keys here are names of values, whatever they are called. */
function strippedEach(properties: unknown): unknown {
  return Object.fromEntries(
    Object.entries(properties as object).map(([name, node]) => [name, stripped(node)]),
  );
}

function isAside(key: string, value: unknown): boolean {
  if (key === "form" || key === "default") return true;
  return key === "propertyNames" && Object.keys(value as object).length === 1 &&
    (value as Node).type === "string";
}
