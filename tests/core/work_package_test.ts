import assert from "node:assert/strict";
import { InvalidInputError } from "../../src/errors.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { parseWorkPackage, targetsOf } from "../../src/core/work_package.ts";

const parse = (text: string) => parseWorkPackage(encodeUtf8(text));
const folder = new URL("../testdata/work_package/", import.meta.url);
const GOOD = await Deno.readTextFile(new URL("full.good.yaml", folder));

Deno.test("parseWorkPackage reads every action in order", () => {
  const parsed = parse(GOOD);
  assert.equal(parsed.spec.wait.timeout, 300_000);
  assert.equal(parsed.spec.expiresAt, Date.parse("2026-11-22T11:00:00Z"));
  assert.deepEqual(
    targetsOf(parsed).map(({ action, ref }) => `${action} ${ref.kind}/${ref.name}`),
    [
      "apply ConfigMap/settings",
      "apply Deployment/web",
      "scale Deployment/checkout",
      "restart StatefulSet/cart",
      "delete Pod/stuck",
    ],
  );
});

Deno.test("parseWorkPackage reads JSON as well", () => {
  const json = JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: "a", stream: "s", sequence: 1 },
    spec: {
      target: { matchLabels: { env: "prod" } },
      notBefore: "2026-11-22T10:00:00Z",
      expiresAt: "2026-11-22T11:00:00+00:00",
      risk: "low",
      reason: "r",
      actions: [{
        restart: { ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "n", name: "d" } },
      }],
    },
  });
  assert.equal(parse(json).spec.onFailure, "rollback");
});

// Each bad file says in its first line what the refusal must say.
for await (const { name } of Deno.readDir(folder)) {
  if (!name.endsWith(".bad.yaml")) continue;
  const text = await Deno.readTextFile(new URL(name, folder));
  const [, code, message] = /^# expect (\w+): (.*)$/m.exec(text)!;
  Deno.test(`parseWorkPackage refuses ${name.replace(".bad.yaml", "").replaceAll("_", " ")}`, () => {
    assert.throws(() => parse(text), (error) => {
      assert.ok(error instanceof InvalidInputError, String(error));
      assert.equal(error.code, code);
      assert.ok(error.message.includes(message!), error.message);
      return true;
    });
  });
}

Deno.test("parseWorkPackage refuses nesting bombs without falling over", () => {
  for (
    const bomb of [
      "[".repeat(500_000),
      "- ".repeat(50_000),
      `a: ${"{a: ".repeat(200)}1${"}".repeat(200)}`,
    ]
  ) {
    assert.throws(() => parse(bomb), { code: "malformed_package" });
  }
});

Deno.test("parseWorkPackage refuses bytes that are not UTF-8", () => {
  assert.throws(() => parseWorkPackage(new Uint8Array([0xff, 0xfe, 0x00])), {
    code: "malformed_package",
  });
});

Deno.test("parseWorkPackage refuses more than 100 objects", () => {
  const manifest = Array.from(
    { length: 101 },
    (_, index) =>
      `      apiVersion: v1\n          kind: ConfigMap\n          metadata: {name: c${index}, namespace: n}`,
  )
    .map((text) => `          ${text.trim()}`).join("\n          ---\n");
  const text = GOOD.replace(
    / {2}actions:[\s\S]*?(?= {2}wait:)/,
    `  actions:\n    - apply:\n        manifest: |\n${manifest}\n`,
  );
  assert.throws(() => parse(text), { code: "too_many_objects" });
});
