import assert from "node:assert/strict";
import { inApplyOrder, prerequisitesOf } from "../../src/core/apply_order.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";

const make = (apiVersion: string, kind: string, name: string, rest: object = {}, namespace = "") =>
  ({
    apiVersion,
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}) },
    ...rest,
  }) as unknown as KubeObject;
const SHOP = make("v1", "Namespace", "shop");
const WIDGETS = make("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.e.org", {
  spec: { group: "e.org", scope: "Namespaced", names: { kind: "Widget" } },
});
const WIDGET = make("e.org/v1", "Widget", "w", {}, "shop");
const MAP = make("v1", "ConfigMap", "c", {}, "shop");
const OTHER = make("v1", "ConfigMap", "d", {}, "other");

Deno.test("inApplyOrder puts namespaces and definitions first and keeps the order otherwise", () => {
  assert.deepEqual(inApplyOrder([WIDGET, MAP, WIDGETS, OTHER, SHOP]), [
    WIDGETS,
    SHOP,
    WIDGET,
    MAP,
    OTHER,
  ]);
  assert.deepEqual(inApplyOrder([OTHER, MAP]), [OTHER, MAP]);
});

Deno.test("prerequisitesOf names what came before in the package and is needed", () => {
  const given = (object: KubeObject) => prerequisitesOf(object, [SHOP, WIDGETS]);
  assert.deepEqual(given(WIDGET).map(({ gives, namespaced }) => [gives, namespaced]), [
    ["namespace", undefined],
    ["definition", true],
  ]);
  assert.deepEqual(given(MAP).map(({ ref }) => ref.name), ["shop"]);
  assert.deepEqual(given(OTHER), []);
  assert.deepEqual(given(make("e.org/v1", "Gadget", "g")), []);
  assert.deepEqual(given(make("f.org/v1", "Widget", "w")), []);
  assert.deepEqual(prerequisitesOf(MAP, []), []);
});
