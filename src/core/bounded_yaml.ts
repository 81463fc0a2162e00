/**
 * YAML (and so JSON) from outside: no aliases, no custom tags, no duplicate keys, bounded depth.
 * YAML 1.2 core schema, so `yes` and `on` are texts and timestamps stay as they were written.
 */
import { isScalar, parseAllDocuments } from "yaml";
import { decodeUtf8 } from "./encoding.ts";
import type { Json } from "./kubernetes_object.ts";

export const MAX_YAML_DEPTH = 64;

/** What was wrong, in words for the person who wrote the file. */
export class YamlProblem extends Error {
  override readonly name = "YamlProblem";
}

/** Every document in the text. Throws YamlProblem and nothing else. */
export function parseYamlDocuments(input: Uint8Array | string): Json[] {
  try {
    const text = typeof input === "string" ? input : decodeUtf8(input);
    refuseDeepFlow(text);
    const documents = parseAllDocuments(text, {
      version: "1.2",
      schema: "core",
      // In JSON `1` and `"1"` are one key: the later would silently take the place of the earlier.
      uniqueKeys: (a, b) => isScalar(a) && isScalar(b) && String(a.value) === String(b.value),
      strict: true,
      merge: false,
      logLevel: "silent",
      prettyErrors: true,
    });
    if (!Array.isArray(documents)) return [];
    return documents.map((document) => {
      const [problem] = [...document.errors, ...document.warnings];
      if (problem) throw unreadable(problem);
      // Zero aliases: a billion laughs needs only nine.
      const value = document.toJS({ maxAliasCount: 0 }) as unknown;
      assertPlain(value, 0);
      return value;
    });
  } catch (error) {
    if (error instanceof YamlProblem) throw error;
    if (error instanceof RangeError) {
      throw new YamlProblem(`is nested deeper than ${MAX_YAML_DEPTH}`);
    }
    throw unreadable(error);
  }
}

/** The parser's own words, without the excerpt: it could quote a secret. */
function unreadable(error: unknown): YamlProblem {
  const [line] = error instanceof Error ? error.message.split("\n") : [];
  return new YamlProblem(`cannot be parsed: ${line?.replace(/:$/, "") ?? "unknown error"}`);
}

/** Exactly one document. */
export function parseYamlDocument(input: Uint8Array | string): Json {
  const documents = parseYamlDocuments(input);
  if (documents.length === 0) throw new YamlProblem("is empty");
  if (documents.length !== 1) {
    throw new YamlProblem(`holds ${documents.length} documents, expected one`);
  }
  return documents[0]!;
}

/** Cheap bound before the parser recurses: no flow collection can be deeper than its openers. */
function refuseDeepFlow(text: string): void {
  let depth = 0;
  let deepest = 0;
  for (const match of text.matchAll(/[[\]{}]/g)) {
    depth += match[0] === "[" || match[0] === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  // Brackets also stand in texts (templates, JSON in strings), hence the margin.
  if (deepest > MAX_YAML_DEPTH * 16) {
    throw new YamlProblem(`is nested deeper than ${MAX_YAML_DEPTH}`);
  }
}

function assertPlain(value: unknown, depth: number): asserts value is Json {
  if (depth > MAX_YAML_DEPTH) throw new YamlProblem(`is nested deeper than ${MAX_YAML_DEPTH}`);
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") return assertWellFormed(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new YamlProblem("holds a number that JSON cannot write");
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new YamlProblem(`holds a number that is too large to be exact, near ${value}`);
    }
    return;
  }
  if (Array.isArray(value)) return value.forEach((item) => assertPlain(item, depth + 1));
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, item] of Object.entries(value)) {
      if (key === "__proto__") throw new YamlProblem("holds the key __proto__");
      assertWellFormed(key);
      assertPlain(item, depth + 1);
    }
    return;
  }
  throw new YamlProblem(`holds a value of an unsupported type (${typeof value})`);
}

/** RFC 8785 has no form for half a surrogate pair, so nothing that holds one could be given a digest. */
function assertWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new YamlProblem("holds text that is not well-formed Unicode");
}
