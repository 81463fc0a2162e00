import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalDigest, canonicalJson } from "../../src/core/canonical_json.ts";
import { type PlanEntry, sealPlan } from "../../src/core/plan.ts";
import { formatPlan } from "../../src/core/plan_text.ts";

const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
const entry: PlanEntry = {
  action: "apply",
  verb: "change",
  ref,
  uid: "u-1",
  changes: [
    { path: "spec.replicas", from: 1, to: 2 },
    { path: "spec.paused", to: true },
    { path: "spec.note", from: "long  text" },
  ],
  warnings: ["deprecated"],
};

Deno.test("sealPlan gives one change one digest, whenever it is planned", () => {
  const { digest } = sealPlan("sha256:a", [entry], 1);
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.equal(sealPlan("sha256:a", [entry], 2).digest, digest);
});

Deno.test("sealPlan gives another digest to another package, object, change, order or warning", () => {
  const other = { ...entry, ref: { ...ref, name: "api" } };
  const plans = [
    sealPlan("sha256:a", [entry, other], 1),
    sealPlan("sha256:b", [entry, other], 1),
    sealPlan("sha256:a", [other, entry], 1),
    sealPlan("sha256:a", [{ ...entry, uid: "u-2" }, other], 1),
    sealPlan("sha256:a", [{ ...entry, changes: [] }, other], 1),
    sealPlan("sha256:a", [{ ...entry, warnings: [] }, other], 1),
    sealPlan("sha256:a", [{ ...entry, verb: "create" }, other], 1),
  ];
  assert.equal(new Set(plans.map((plan) => plan.digest)).size, plans.length);
});

Deno.test("formatPlan prints what kubectl diff would, one line a change", () => {
  const removal: PlanEntry = { ...entry, action: "delete", verb: "delete" };
  assert.deepEqual(formatPlan(sealPlan("sha256:a", [entry, removal], 1)), [
    "~ change apps/v1/Deployment shop/web (apply)",
    "    ~ spec.replicas: 1 → 2",
    "    + spec.paused: true",
    "    - spec.note: long text",
    "    warning: deprecated",
    "- delete apps/v1/Deployment shop/web (delete)",
    "    warning: deprecated",
  ]);
});

Deno.test("formatPlan cuts long values and says where the rest is", () => {
  const long = { ...entry, changes: [{ path: "a", to: "x".repeat(5000) }] };
  const line = formatPlan(sealPlan("sha256:a", [long], 1))[1]!;
  assert.match(line, /x… \(4880 more characters: -o yaml\)$/);
  assert.ok(line.length < 180);
});

Deno.test("canonicalJson does not depend on the order of keys", () => {
  assert.equal(canonicalJson({ b: 1, a: [{ d: 1, c: "é" }] }), '{"a":[{"c":"é","d":1}],"b":1}');
  fc.assert(fc.property(
    fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
    (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(canonicalDigest(turned), canonicalDigest(value));
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
    },
  ));
});

Deno.test("canonicalJson refuses what JSON cannot hold", () => {
  for (const value of [undefined, NaN, Infinity, { a: NaN }]) {
    assert.throws(() => canonicalJson(value));
  }
});
