import assert from "node:assert/strict";
import fc from "fast-check";
import { comparable, diffObjects } from "../../src/core/diff.ts";
import type { Json, KubeObject } from "../../src/core/kubernetes_object.ts";

const make = (parts: Record<string, Json>, kind = "ConfigMap") =>
  ({ apiVersion: "v1", kind, metadata: { name: "x", namespace: "n" }, ...parts }) as KubeObject;
const diff = (before: KubeObject | null, after: KubeObject | null) =>
  diffObjects(before, after, "salt");
const specs = (before: Json, after: Json) => diff(make({ spec: before }), make({ spec: after }));

Deno.test("diffObjects names every field that was changed, added or removed, in order", () => {
  assert.deepEqual(specs({ b: 1, gone: [1], same: {} }, { b: 2, a: { c: true }, same: {} }), [
    { path: "spec.a.c", to: true },
    { path: "spec.b", from: 1, to: 2 },
    { path: "spec.gone", from: [1] },
  ]);
});

Deno.test("diffObjects follows lists by what identifies their items", () => {
  const before = { containers: [{ name: "app", image: "a:1" }, { name: "side", image: "s:1" }] };
  const after = { containers: [{ name: "app", image: "a:2" }, { name: "new", image: "n:1" }] };
  assert.deepEqual(specs(before, after), [
    { path: "spec.containers[name=app].image", from: "a:1", to: "a:2" },
    { path: "spec.containers[name=new].image", to: "n:1" },
    { path: "spec.containers[name=new].name", to: "new" },
    { path: "spec.containers[name=side].image", from: "s:1" },
    { path: "spec.containers[name=side].name", from: "side" },
  ]);
});

Deno.test("diffObjects shows that a list was put in another order", () => {
  const a = { name: "a" };
  const b = { name: "b" };
  assert.deepEqual(specs({ initContainers: [a, b] }, { initContainers: [b, a] }), [
    { path: "spec.initContainers[order]", from: ["a", "b"], to: ["b", "a"] },
  ]);
  assert.deepEqual(specs({ list: [b] }, { list: [a, b] }), [
    { path: "spec.list[name=a].name", to: "a" },
  ]);
});

Deno.test("diffObjects shows a list whole where nothing identifies its items", () => {
  const twice = [{ port: 80, protocol: "TCP" }, { port: 80, protocol: "UDP" }];
  assert.deepEqual(specs({ ports: twice }, { ports: [twice[0]!] }), [
    { path: "spec.ports", from: twice, to: [twice[0]!] },
  ]);
  assert.deepEqual(specs([1, 2], [2, 1]), [{ path: "spec", from: [1, 2], to: [2, 1] }]);
  const mixed = [{ port: 80 }, { port: "80" }];
  assert.equal(
    specs({ ports: mixed }, { ports: [mixed[0]!] }).length,
    1,
    "1 and '1' are not one id",
  );
});

Deno.test("diffObjects reads keys that every object inherits as any other", () => {
  const before = make({ data: { keep: "1" } });
  const after = make({ data: { keep: "1", constructor: "x", toString: "y" } });
  assert.deepEqual(diff(before, after), [
    { path: "data.constructor", to: "x" },
    { path: "data.toString", to: "y" },
  ]);
});

Deno.test("diffObjects quotes keys that are no plain words", () => {
  const before = make({ data: { "tls.crt": "a" } });
  assert.deepEqual(diff(before, make({ data: {} })), [{ path: 'data["tls.crt"]', from: "a" }]);
});

Deno.test("diffObjects shows a new object and a removed one down to their values", () => {
  const object = make({ data: { a: "1" } });
  assert.deepEqual(diff(null, object).map(({ path }) => path), [
    "apiVersion",
    "data.a",
    "kind",
    "metadata.name",
    "metadata.namespace",
  ]);
  assert.ok(diff(object, null).every((change) => !("to" in change)));
  assert.deepEqual(diff(null, null), []);
});

Deno.test("comparable leaves out what server and controllers set", () => {
  const object = make({ data: { a: "1" } });
  const live = {
    ...object,
    metadata: {
      ...object.metadata,
      uid: "u",
      resourceVersion: "7",
      generation: 3,
      creationTimestamp: "2026-11-22T10:00:00Z",
      managedFields: [{ manager: "m" }],
      annotations: { "deployment.kubernetes.io/revision": "2" },
    },
    status: { replicas: 1 },
  } as KubeObject;
  assert.deepEqual(comparable(live), object);
  assert.deepEqual(diff(object, live), []);
});

const SECRET = "aHVudGVyMjI=";
const secret = (value: string, extra: Record<string, Json> = {}) =>
  make({ type: "Opaque", data: { password: value }, ...extra }, "Secret");

Deno.test("diffObjects hides every value of a Secret, and shows that it changed", () => {
  const changes = diff(secret(SECRET), secret("b3RoZXI="));
  assert.equal(changes.length, 1);
  assert.equal(changes[0]!.path, "data.password");
  assert.match(String(changes[0]!.from), /^\(secret [0-9a-f]{12}\)$/);
  assert.notEqual(changes[0]!.from, changes[0]!.to);
  assert.deepEqual(diff(secret(SECRET), secret(SECRET)), []);
});

Deno.test("diffObjects lets no value of a Secret through, wherever it stands", () => {
  const copy = JSON.stringify({ data: { password: SECRET } });
  const annotated = secret(SECRET);
  annotated.metadata.annotations = { "kubectl.kubernetes.io/last-applied-configuration": copy };
  const texts = make({ stringData: { password: SECRET } }, "Secret");
  const odd = make({ data: [SECRET], stringData: SECRET }, "Secret");
  const empty = make({}, "Secret");
  for (const object of [secret(SECRET), annotated, texts, odd]) {
    for (
      const [from, to] of [[null, object], [object, null], [empty, object], [
        object,
        empty,
      ]] as const
    ) {
      assert.ok(!JSON.stringify(diff(from, to)).includes(SECRET));
      assert.notDeepEqual(diff(from, to), []);
    }
  }
});

Deno.test("diffObjects gives one secret another mark under another salt", () => {
  const one = diffObjects(null, secret(SECRET), "salt-1");
  const two = diffObjects(null, secret(SECRET), "salt-2");
  assert.notDeepEqual(one, two);
});

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json; item: Json }>((tie) => ({
  item: fc.record({ name: fc.constantFrom("a", "b", "c"), value: tie("value") }, {
    noNullPrototype: true,
  }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(null, true, 0, 1, "x", "y"),
    fc.array(tie("item"), { maxLength: 3 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "constructor", "tls.crt"), tie("value"), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

/** The same value with the keys of every object in the opposite order. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).reverse().map(([key, inner]) => [key, reversed(inner)]),
  );
}

Deno.test("diffObjects finds a difference exactly where there is one, and sorts by path", () => {
  fc.assert(
    fc.property(json, json, fc.constantFrom("ConfigMap", "Secret"), (a, b, kind) => {
      const before = make({ data: a }, kind);
      const after = make({ data: b }, kind);
      assert.deepEqual(diff(before, before), []);
      assert.deepEqual(diff(before, reversed(before) as KubeObject), []);
      const changes = diff(before, after);
      const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
      assert.equal(changes.length === 0, same);
      const paths = changes.map((change) => change.path);
      assert.deepEqual(paths, [...paths].sort());
      assert.deepEqual(diff(after, before).map((change) => change.path), paths);
    }),
    { numRuns: 1000 },
  );
});

function sorted(value: Json): Json {
  if (Array.isArray(value)) return ["list", ...value.map(sorted)];
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return ["mapping", ...entries.map(([key, inner]): Json => [key, sorted(inner)])];
}
