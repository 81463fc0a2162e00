import assert from "node:assert/strict";
import fc from "fast-check";
import { FieldSet } from "../../src/embedded/kubernetes/field_set.ts";
import { equals, type JsonObject } from "../../src/embedded/kubernetes/json.ts";
import { compare, fieldsOf, merge } from "../../src/embedded/kubernetes/merge.ts";
import { applyConfig, type Owners, trackUpdate } from "../../src/embedded/kubernetes/ownership.ts";
import {
  keyed,
  leaf,
  map,
  type Schema,
  set,
  struct,
} from "../../src/embedded/kubernetes/schema.ts";

const schema: Schema = struct("apiVersion kind", {
  metadata: struct("name", { labels: map(), finalizers: set }),
  spec: struct("replicas paused", {
    selector: leaf,
    containers: keyed("name", struct("name image", { env: keyed("name", struct("name value")) })),
  }),
});

const TIME = "2026-11-22T10:00:00Z";

interface State {
  readonly live: JsonObject | null;
  readonly owners: Owners;
}

const NOTHING: State = { live: null, owners: new Map() };

function apply(state: State, name: string, config: JsonObject, force = false): State | null {
  const manager = { name, operation: "Apply", apiVersion: "v1", subresource: "" } as const;
  const result = applyConfig({ ...state, config, manager, force, time: TIME, schema });
  return "conflicts" in result ? null : { live: result.object, owners: result.owners };
}

function update(state: State, name: string, next: JsonObject): State {
  const manager = { name, operation: "Update", apiVersion: "v1", subresource: "" } as const;
  return { live: next, owners: trackUpdate({ ...state, next, manager, time: TIME, schema }) };
}

const identity = { apiVersion: "v1", kind: "Thing" };
const empty: JsonObject = { ...identity, metadata: { name: "x" } };

const word = fc.constantFrom("a", "b", "c");
const named = (more: Record<string, fc.Arbitrary<unknown>>) =>
  fc.uniqueArray(fc.record({ name: word, ...more }, { noNullPrototype: true }), {
    selector: (item) => item.name,
    minLength: 1,
    maxLength: 3,
  });
const environment = named({ value: fc.constantFrom("1", "2") });
const containers = fc.uniqueArray(
  fc.record({ name: word, image: word, env: environment }, {
    requiredKeys: ["name"],
    noNullPrototype: true,
  }),
  { selector: (item) => item.name, minLength: 1, maxLength: 3 },
);
const config = fc.record({
  labels: fc.dictionary(word, word, { minKeys: 1, noNullPrototype: true }),
  finalizers: fc.uniqueArray(word, { minLength: 1 }),
  replicas: fc.integer({ min: 0, max: 2 }),
  selector: fc.dictionary(word, word, { noNullPrototype: true }),
  containers,
}, { requiredKeys: [], noNullPrototype: true }).map(({ labels, finalizers, ...spec }) =>
  ({
    ...identity,
    metadata: {
      name: "x",
      ...(labels ? { labels } : {}),
      ...(finalizers ? { finalizers } : {}),
    },
    ...(Object.keys(spec).length > 0 ? { spec } : {}),
  }) as JsonObject
);

/** Lists merged by key hold the same items in whatever order they came. */
function isSameContent(left: JsonObject | null, right: JsonObject | null): boolean {
  const change = compare(left ?? {}, right ?? {}, schema);
  return change.added.isEmpty && change.removed.isEmpty && change.modified.isEmpty;
}

Deno.test("applying nothing leaves exactly what the other manager owns", () => {
  fc.assert(fc.property(config, config, (mine, theirs) => {
    const alone = apply(NOTHING, "B", theirs)!;
    const both = apply(alone, "A", mine, true)!;
    const shared = apply(both, "B", theirs, true)!;
    const left = apply(shared, "A", empty)!;
    assert.ok(isSameContent(left.live, alone.live), JSON.stringify([left.live, alone.live]));
    assert.deepEqual(left.owners, alone.owners);
  }));
});

Deno.test("apply is idempotent", () => {
  fc.assert(fc.property(config, config, (mine, theirs) => {
    const before = apply(NOTHING, "B", theirs)!;
    const once = apply(before, "A", mine, true)!;
    const twice = apply(once, "A", mine)!;
    assert.deepEqual(twice, once);
  }));
});

Deno.test("apply conflicts exactly when it would change what another manager owns", () => {
  fc.assert(fc.property(config, config, (mine, theirs) => {
    const before = update(NOTHING, "B", theirs);
    const untouched = structuredClone(before.live);
    const change = compare(before.live!, merge(before.live!, mine, schema), schema);
    const owned = fieldsOf(theirs, schema);
    const disputed = change.added.union(change.modified).intersection(owned);
    assert.equal(apply(before, "A", mine) === null, !disputed.isEmpty);
    assert.deepEqual(before.live, untouched);
  }));
});

Deno.test("after a forced apply the object holds the configuration and its manager owns it", () => {
  fc.assert(fc.property(config, config, (mine, theirs) => {
    const after = apply(apply(NOTHING, "B", theirs)!, "A", mine, true)!;
    assert.ok(isSameContent(merge(after.live!, mine, schema) as JsonObject, after.live));
    const owner = [...after.owners.values()].find(({ name }) => name === "A");
    const unowned = FieldSet.fromFieldsV1({
      "f:apiVersion": {},
      "f:kind": {},
      "f:metadata": { "f:name": {} },
    });
    const claimed = fieldsOf(mine, schema).difference(unowned);
    assert.ok((owner?.fields ?? new FieldSet()).equals(claimed));
  }));
});

Deno.test("an update that removes a field removes its ownership everywhere", () => {
  const applied = apply(NOTHING, "A", { ...empty, spec: { replicas: 2, paused: true } })!;
  const after = update(applied, "B", { ...empty, spec: { paused: true } });
  const [owner] = [...after.owners.values()];
  assert.deepEqual(owner!.fields.paths(), [".spec.paused"]);
  assert.equal(after.owners.size, 1);
});

Deno.test("field sets survive FieldsV1 and obey the laws of sets", () => {
  fc.assert(fc.property(config, config, (one, two) => {
    const left = fieldsOf(one, schema);
    const right = fieldsOf(two, schema);
    assert.ok(FieldSet.fromFieldsV1(left.toFieldsV1()).equals(left));
    assert.ok(left.union(right).equals(right.union(left)));
    assert.ok(left.difference(right).union(left.intersection(right)).equals(left));
    assert.ok(left.difference(right).intersection(right).isEmpty);
  }));
});

Deno.test("merge of lists keeps the applied order, with foreign items in their places", () => {
  const list = (...names: string[]) => ({ containers: names.map((name) => ({ name })) });
  const spec = (value: JsonObject): JsonObject => ({ spec: value });
  const namesOf = (value: unknown) =>
    (value as { spec: { containers: { name: string }[] } }).spec.containers.map(({ name }) => name);
  const merged = merge(spec(list("a", "x", "b")), spec(list("b", "a", "c")), schema);
  assert.deepEqual(namesOf(merged), ["b", "a", "x", "c"]);
  const appended = merge(spec(list("a", "x", "b")), spec(list("a", "b", "c")), schema);
  assert.deepEqual(namesOf(appended), ["a", "x", "b", "c"]);
  assert.ok(equals(merge(null, { a: 1 }, schema), { a: 1 }));
});
