import assert from "node:assert/strict";
import { claimOf, overlaps } from "../../src/core/claim.ts";
import type { ObjectRef } from "../../src/core/kubernetes_object.ts";

const ref = (kind: string, name: string, namespace?: string, apiVersion = "v1"): ObjectRef => ({
  apiVersion,
  kind,
  name,
  ...(namespace ? { namespace } : {}),
});
const MAP = ref("ConfigMap", "c", "shop");
const WEB = ref("Deployment", "web", "shop", "apps/v1");
const SHOP = ref("Namespace", "shop");
const WIDGET = ref("Widget", "w", "shop", "example.org/v1");
const WIDGETS = ref(
  "CustomResourceDefinition",
  "widgets.example.org",
  undefined,
  "apiextensions.k8s.io/v1",
);

const CASES: readonly [string, boolean, ObjectRef, ObjectRef][] = [
  ["the same object", true, MAP, MAP],
  ["one object in two versions of its API", true, WEB, { ...WEB, apiVersion: "apps/v1beta1" }],
  ["two objects of one namespace", false, MAP, WEB],
  ["one name in two namespaces", false, MAP, { ...MAP, namespace: "other" }],
  ["one name of two kinds", false, MAP, ref("Secret", "c", "shop")],
  ["a namespace and what is in it", true, SHOP, MAP],
  ["a namespace and what is in another", false, SHOP, { ...MAP, namespace: "shop-2" }],
  ["a definition and an object of its group", true, WIDGETS, WIDGET],
  ["a definition and an object of another group", false, WIDGETS, WEB],
];

for (const [what, expected, a, b] of CASES) {
  Deno.test(`overlaps says ${expected} of ${what}`, () => {
    assert.equal(overlaps(claimOf("a", [a]), claimOf("b", [b])), expected);
    assert.equal(overlaps(claimOf("b", [b]), claimOf("a", [a])), expected);
  });
}

Deno.test("overlaps says true of any two packages of one stream", () => {
  assert.ok(overlaps(claimOf("a", [MAP]), claimOf("a", [WEB])));
});
