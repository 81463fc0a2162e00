import assert from "node:assert/strict";
import fc from "fast-check";
import { diffObjects, type FieldChange } from "../../src/core/diff.ts";
import {
  type JsonObject,
  type KubeObject,
  managedFieldsOf,
} from "../../src/core/kubernetes_object.ts";
import { ownedFields } from "../../src/core/owned_fields.ts";
import { withKubernetes } from "../embedded/kubernetes_session.ts";

const MANAGER = "neuralops-connector";

function live(parts: JsonObject, fieldsV1: JsonObject): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Thing",
    metadata: {
      name: "x",
      namespace: "n",
      uid: "u",
      labels: { ours: "1", theirs: "2" },
      managedFields: [
        { manager: "other", operation: "Apply", fieldsV1: { "f:data": { "f:theirs": {} } } },
        { manager: MANAGER, operation: "Update", fieldsV1: { "f:spec": {} } },
        { manager: MANAGER, operation: "Apply", subresource: "status", fieldsV1: { "f:spec": {} } },
        { manager: MANAGER, operation: "Apply", fieldsV1 },
      ],
    },
    ...parts,
  } as KubeObject;
}

const identity = { apiVersion: "v1", kind: "Thing", metadata: { name: "x", namespace: "n" } };

const CASES: Record<string, [JsonObject, JsonObject, JsonObject]> = {
  "nothing where nothing is owned": [{ spec: { a: 1 } }, {}, {}],
  "single fields": [{ spec: { a: 1, b: 2 } }, { "f:spec": { "f:a": {} } }, { spec: { a: 1 } }],
  "a field whole where it is atomic": [
    { spec: { selector: { a: "1", b: "2" } } },
    { "f:spec": { "f:selector": {} } },
    { spec: { selector: { a: "1", b: "2" } } },
  ],
  "an empty map, and not what others put into it": [
    { data: { theirs: "1" } },
    { "f:data": {} },
    { data: {} },
  ],
  "its keys of a shared map": [
    { data: { ours: "1", theirs: "2" } },
    { "f:data": { ".": {}, "f:ours": {} } },
    { data: { ours: "1" } },
  ],
  "items of a keyed list": [
    { list: [{ name: "a", v: 1, w: 2 }, { name: "b", v: 3 }] },
    { "f:list": { 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:v": {} } } },
    { list: [{ name: "a", v: 1 }] },
  ],
  "an item of which only its key is owned": [
    { list: [{ name: "a", v: 1 }] },
    { "f:list": { 'k:{"name":"a"}': { ".": {}, "f:name": {} } } },
    { list: [{ name: "a" }] },
  ],
  "members of a set": [
    { set: ["a", "b", "c"] },
    { "f:set": { 'v:"a"': {}, 'v:"c"': {} } },
    { set: ["a", "c"] },
  ],
  "only what is still there": [
    { spec: { b: 2 } },
    { "f:spec": { "f:a": {}, "f:b": {}, "f:constructor": {} } },
    { spec: { b: 2 } },
  ],
};

for (const [what, [parts, fields, expected]] of Object.entries(CASES)) {
  Deno.test(`ownedFields returns ${what}`, () => {
    assert.deepEqual(ownedFields(live(parts, fields), MANAGER), { ...identity, ...expected });
  });
}

Deno.test("ownedFields returns the bare identity of an object that was never applied", () => {
  assert.deepEqual(ownedFields(live({ data: { a: "1" } }, { "f:data": {} }), "nobody"), identity);
});

const word = fc.constantFrom("a", "b", "c");
const named = (more: Record<string, fc.Arbitrary<unknown>>, minLength: number) =>
  fc.uniqueArray(
    fc.record({ name: word, ...more }, { requiredKeys: ["name"], noNullPrototype: true }),
    { selector: (item) => item.name, minLength, maxLength: 3 },
  );
/** @param values of which each field takes one; with a single one, managers never contradict each other */
function configs(values: readonly string[]) {
  const value = fc.constantFrom(...values);
  const labels = fc.dictionary(word, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
  const containers = named({
    image: value,
    args: fc.array(value, { minLength: 1, maxLength: values.length }),
    env: named({ value }, 1),
    ports: value.map((text) => [
      text === "1" ? { containerPort: 80 } : { containerPort: 80, protocol: "UDP" },
    ]),
  }, 1);
  return fc.record({
    metadata: fc.record(
      { labels, annotations: labels, finalizers: fc.subarray(["a", "b", "c"], { minLength: 1 }) },
      { requiredKeys: [], noNullPrototype: true },
    ),
    containers,
    replicas: fc.option(value.map(Number), { nil: undefined }),
  }, { noNullPrototype: true });
}
type Config = ReturnType<typeof configs> extends fc.Arbitrary<infer Value> ? Value : never;

function deployment(name: string, { metadata, containers, replicas }: Config): JsonObject {
  const finalizers = metadata.finalizers?.map((finalizer) => `example.org/${finalizer}`);
  return JSON.parse(JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default", ...metadata, finalizers },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: containers.map((container) => ({ image: "1", ...container })),
        },
      },
    },
  }));
}

/** Where two managers fill one list or set, no apply can say in which order. */
function isMore({ path, from, to }: FieldChange): boolean {
  const isSet = path === "metadata.finalizers" && Array.isArray(from) && Array.isArray(to);
  return !path.endsWith("[order]") &&
    !(isSet && JSON.stringify(from.toSorted()) === JSON.stringify(to.toSorted()));
}

for (const alone of [true, false]) {
  const who = alone ? "we own all" : "others own parts";
  const config = configs(alone ? ["1", "2"] : ["1"]);
  Deno.test(`applying what was owned before takes an apply back where ${who}`, () =>
    withKubernetes(async (session) => {
      let count = 0;
      let compared = 0;
      const entryOf = (object: KubeObject) =>
        managedFieldsOf(object).find((entry) => entry.manager === MANAGER)?.fieldsV1;
      await fc.assert(
        fc.asyncProperty(config, config, config, async (theirs, first, second) => {
          const name = `d${++count}`;
          const path = `/apis/apps/v1/namespaces/default/deployments/${name}`;
          const apply = (manager: string, body: JsonObject) => session.apply(path, manager, body);
          if (!alone) await apply("other", deployment(name, theirs));
          const before = await apply(MANAGER, deployment(name, first));
          if (before.status >= 300) return;
          const between = await apply(MANAGER, deployment(name, second));
          if (between.status >= 300) return;
          const after = await apply(MANAGER, ownedFields(before.body, MANAGER));
          assert.equal(after.status, 200, String(after.body.message));
          const differences = diffObjects(before.body, after.body, "");
          assert.deepEqual(alone ? differences : differences.filter(isMore), []);
          assert.deepEqual(entryOf(after.body), entryOf(before.body));
          compared += 1;
        }),
        { numRuns: 40 },
      );
      assert.ok(compared > 20, `only ${compared} of ${count} runs were free of conflicts`);
    }, { rolloutMs: 60_000 }));
}
