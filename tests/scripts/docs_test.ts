import assert from "node:assert/strict";
import { checkDoc, type Facts, headingsOf, testNamesOf } from "../../scripts/docs.ts";
import { findStaleDocs } from "../../scripts/generated_docs.ts";

const FACTS: Facts = {
  paths: new Set(["README.md", "src/core/policy.ts", "docs/a.md", "tests/core/policy_test.ts"]),
  tasks: new Set(["test", "check:docs"]),
  commands: new Set(["run", "verify"]),
  words: new Set(["bad_signature"]),
  auditTypes: new Set(["audit.genesis"]),
  configKeys: new Set(["audit.s3", "audit.s3.bucket", "vault.auth.method"]),
  headings: new Map([["docs/a.md", new Set(["the-flow"])]]),
  tests: new Map([[
    "tests/core/policy_test.ts",
    'const WHATS = ["an alias"];\nDeno.test("judge denies", f);\nDeno.test(`parsePolicy refuses ${what}`, f);',
  ]]),
};

const GOOD = [
  "[flow](a.md#the-flow), [code](../src/core/policy.ts), [folder](../src/core/), [web](https://x.y/z)",
  "`src/core/policy.ts` and `src/core/` and `README.md`",
  "`bad_signature` `audit.genesis` `audit.s3.bucket` `wpk.yaml` `audit.jsonl` `metadata.name` `some text_here`",
  "`deno task test` and `npx -y deno@2.9.6 task check:docs`",
  "`neuralops-connector verify wpk.yaml`",
  '`tests/core/policy_test.ts`: "judge denies"; "parsePolicy refuses an alias"',
  "```\n`src/none.ts` [x](none.md) `no_such_word`\n```",
];
for (const text of GOOD) {
  Deno.test(`checkDoc accepts ${JSON.stringify(text)}`, () => {
    assert.deepEqual(checkDoc("docs/a.md", text, FACTS), []);
  });
}

const BAD: [text: string, message: RegExp][] = [
  ["[x](none.md)", /^the link leads to docs\/none.md/],
  ["[x](#nothing)", /^docs\/a.md has no heading #nothing$/],
  ["`src/core/none.ts`", /^there is no file src\/core\/none.ts$/],
  ["`no_such_word`", /^the source does not know no_such_word$/],
  ["`audit.s3.nothing`", /^audit.s3.nothing is no configuration key and no audit type$/],
  ["```\ndeno task nothing\n```", /^there is no task nothing$/],
  ["`neuralops-connector dance`", /^there is no command dance$/],
  ['`tests/core/policy_test.ts`: "judge denies"; "gone"', /^tests\/.+ has no test "gone"$/],
  ['`tests/core/policy_test.ts`: "parsePolicy refuses "', /has no test/],
  ['`tests/core/policy_test.ts`: "parsePolicy refuses nonsense"', /has no test/],
];
for (const [text, message] of BAD) {
  Deno.test(`checkDoc refuses ${JSON.stringify(text)}`, () => {
    const problems = checkDoc("docs/a.md", `\n${text}`, FACTS);
    assert.equal(problems.length, 1, JSON.stringify(problems));
    assert.match(problems[0]!.message, message);
    assert.ok(problems[0]!.line >= 2);
  });
}

Deno.test("headingsOf makes anchors as GitHub does", () => {
  const text = "# The disk is full\n## `audit` (S3)\n```\n# no heading\n```";
  assert.deepEqual([...headingsOf(text)], ["the-disk-is-full", "audit-s3"]);
});

Deno.test("testNamesOf reads plain names, options and templates", () => {
  const source = [
    'Deno.test("plain (1)", () => {});',
    'Deno.test({ name: "with options", fn() {} });',
    "Deno.test(\n  `refuses ${name.replace(/a/, `b`)} always`, () => {});",
    "Deno.test(`a ${one} b ${two.map((x) => { return x; })}`, () => {});",
  ].join("\n");
  const patterns = testNamesOf(source);
  assert.ok(patterns[0]!.test("plain (1)") && !patterns[0]!.test("plain 1"));
  assert.ok(patterns[1]!.test("with options"));
  assert.ok(patterns.at(-1)!.test("a x b y"));
});

Deno.test("generated documents on the disk are what the code says", async () => {
  assert.deepEqual(await findStaleDocs(Deno.readTextFile), []);
});

Deno.test("findStaleDocs names a document that was edited by hand", async () => {
  const stale = await findStaleDocs(async (path) => {
    const text = await Deno.readTextFile(path);
    return path === "docs/errors.md" ? text.replace("Errors", "Mistakes") : text;
  });
  assert.deepEqual(stale, ["docs/errors.md"]);
});
