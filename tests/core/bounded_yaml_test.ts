import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MAX_YAML_DEPTH,
  parseYamlDocument,
  parseYamlDocuments,
  YamlProblem,
} from "../../src/core/bounded_yaml.ts";

const REFUSED: Record<string, [string, RegExp]> = {
  "nothing": ["", /^is empty$/],
  "comments only": ["# a\n# b\n", /^is empty$/],
  "two documents": ["a: 1\n---\nb: 2", /^holds 2 documents, expected one$/],
  "an alias": ["a: &x 1\nb: *x", /Alias/],
  "a merge of an alias": ["a: &x {b: 1}\nc: {<<: *x}", /Alias/],
  "a tag of its own": ["a: !env X", /tag/i],
  "binary data": ["a: !!binary aGk=", /unsupported type/],
  "a set": ["a: !!set {b, c}", /unsupported type/],
  "a key twice": ["a: 1\na: 2", /keys must be unique/],
  "a key twice, once as a number": ["1: a\n'1': b", /keys must be unique/],
  "infinity": ["a: .inf", /number that JSON cannot write/],
  "not a number": ["a: .nan", /number that JSON cannot write/],
  "a number that would be rounded": ["a: 9007199254740993", /too large to be exact/],
  "the key __proto__": ['{"__proto__": {"a": 1}}', /__proto__/],
  "tabs": ["a:\n\t- b", /Tabs/],
  "too deep a flow": [`${"[".repeat(70)}${"]".repeat(70)}`, /nested deeper than 64/],
  "too deep a block": [
    Array.from({ length: 70 }, (_, n) => `${" ".repeat(n)}a:`).join("\n"),
    /deep/,
  ],
};

for (const [what, [text, message]] of Object.entries(REFUSED)) {
  Deno.test(`parseYamlDocument refuses ${what}`, () => {
    assert.throws(() => parseYamlDocument(text), (error) => {
      assert.ok(error instanceof YamlProblem);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("parseYamlDocument reads YAML 1.2: no surprises in words, dates and octals", () => {
  const text = "on: yes\ntime: 2026-11-22T10:00:00Z\nmode: 0755\nport: 8443\nempty:\n";
  const expected = {
    on: "yes",
    time: "2026-11-22T10:00:00Z",
    mode: 755,
    port: 8443,
    empty: null,
  };
  assert.deepEqual(parseYamlDocument(text), expected);
  assert.deepEqual(
    parseYamlDocument(`%YAML 1.1\n---\n${text}`),
    expected,
    "whatever the file says",
  );
});

Deno.test("parseYamlDocument takes a byte order mark, and depth within the limit", () => {
  assert.deepEqual(parseYamlDocument("\uFEFFa: 1"), { a: 1 });
  const depth = MAX_YAML_DEPTH;
  assert.ok(parseYamlDocument(`${"[".repeat(depth)}${"]".repeat(depth)}`));
});

Deno.test("parseYamlDocument takes brackets that stand in texts", () => {
  const template = "{{ if .a }}[".repeat(300);
  assert.deepEqual(parseYamlDocument(`a: '${template}'`), { a: template });
});

Deno.test("parseYamlDocuments never quotes the text in what it complains of", () => {
  for (
    const text of [
      'token: "hunter22',
      "token: hunter22: x",
      "- hunter22\ntoken: 1",
      "token: {hunter22",
      "token: [hunter22,\n  x: y",
    ]
  ) {
    assert.throws(
      () => parseYamlDocuments(text),
      (error) => error instanceof YamlProblem && !error.message.includes("hunter22"),
    );
  }
});

Deno.test("parseYamlDocument reads back every JSON value, and throws nothing but YamlProblem", () => {
  fc.assert(fc.property(
    fc.jsonValue({ maxDepth: 5 }).filter((value) =>
      !JSON.stringify(value).includes("__proto__") && !hasUnsafeNumber(value)
    ),
    (value) => {
      const json = JSON.parse(JSON.stringify(value));
      assert.deepEqual(parseYamlDocument(JSON.stringify(value)), json);
    },
  ));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    try {
      parseYamlDocuments(text);
    } catch (error) {
      assert.ok(error instanceof YamlProblem);
    }
  }));
});

function hasUnsafeNumber(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnsafeNumber);
}
