/** A CustomResourceDefinition and the resource that it adds. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { conditionOf, MERGE } from "./objects.ts";
import type { Contract, Ground } from "./target.ts";

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export const definitionContract: Contract = {
  "a definition is served once it is established, and discovery says so": (ground) =>
    withThings(ground, async ({ group, call }) => {
      const discovery = await call("GET", `/apis/${group}/v1`);
      assert.deepEqual(objectsIn(discovery.body["resources"]).map(({ name }) => name), [
        "things",
        "things/status",
      ]);
      const [thing] = objectsIn(discovery.body["resources"]);
      assert.deepEqual([thing!["kind"], thing!["namespaced"], thing!["shortNames"]], [
        "Thing",
        true,
        ["th"],
      ]);
    }),

  "custom resources are filled with defaults, and merged by the schema's keys": (ground) =>
    withThings(ground, async ({ apply, things, thing }) => {
      const created = await apply(
        `${things}/one`,
        "agent",
        thing({ size: 1, parts: [{ id: "a" }] }),
      );
      assert.equal(created.status, 201);
      assert.equal(objectAt(created.body, "spec")!["mode"], "slow");
      assert.equal(created.body.metadata.generation, 1);
      const more = await apply(`${things}/one`, "other", thing({ size: 1, parts: [{ id: "b" }] }));
      assert.deepEqual(objectAt(more.body, "spec")!["parts"], [{ id: "a" }, { id: "b" }]);
      assert.equal(more.body.metadata.generation, 2);
    }),

  "custom resources are checked by the schema": (ground) =>
    withThings(ground, async ({ apply, call, things, thing }) => {
      const wrong = await call("POST", things, { body: thing({ size: 0, mode: "odd" }) });
      assert.deepEqual([wrong.status, wrong.body["reason"]], [422, "Invalid"]);
      const fields = objectsIn(wrong.body.details!["causes"]).map(({ field }) => field);
      assert.deepEqual(fields.sort(), ["spec.mode", "spec.size"]);
      const missing = await call("POST", things, { body: thing({ mode: "fast" }) });
      assert.match(missing.body.message!, /spec\.size: Required value/);
      const typed = await call("POST", things, { body: thing({ size: "1" }) });
      assert.equal(typed.status, 422);
      assert.match(typed.body.message!, /spec\.size: Invalid value: "string"/);
      const text = await apply(`${things}/one`, "agent", thing({ size: "1" }));
      assert.equal(text.status, 500);
      assert.match(text.body.message!, /\.spec\.size: expected numeric/);
    }),

  "unknown fields of a custom resource are pruned, refused when strict": (ground) =>
    withThings(ground, async ({ apply, call, group, things, thing }) => {
      const body = thing({ size: 1, x: 1 });
      const strict = await call("POST", `${things}?fieldValidation=Strict`, { body });
      assert.equal(strict.status, 400);
      assert.equal(
        strict.body.message,
        `Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field ` +
          '"spec.x"',
      );
      const lax = await call("POST", things, { body });
      assert.deepEqual([lax.status, lax.body["spec"]], [201, { size: 1, mode: "slow" }]);
      assert.equal(lax.headers.get("warning"), '299 - "unknown field \\"spec.x\\""');
      const applied = await apply(`${things}/two`, "agent", { ...body, metadata: { name: "two" } });
      assert.equal(applied.status, 500);
      assert.equal(
        applied.body.message,
        `failed to create typed patch object (/two; ${group}/v1, Kind=Thing): .spec.x: field not ` +
          "declared in schema",
      );
    }),

  "the status of a custom resource is its own endpoint": (ground) =>
    withThings(ground, async ({ apply, call, things, thing }) => {
      await apply(`${things}/one`, "agent", thing({ size: 1 }));
      const status = await call("PATCH", `${things}/one/status`, {
        body: { spec: { size: 9 }, status: { phase: "done" } },
        type: MERGE,
      });
      assert.deepEqual(objectAt(status.body, "status"), { phase: "done" });
      assert.equal(objectAt(status.body, "spec")!["size"], 1);
      assert.equal(status.body.metadata.generation, 1);
      const blind = await call("PUT", `${things}/one`, { body: thing({ size: 2 }) });
      assert.equal(blind.status, 422, "an update without a version is refused");
    }),

  "what a definition added goes with it": (ground) =>
    withThings(ground, async ({ call, untilGone, things, thing, name }) => {
      await call("POST", things, { body: thing({ size: 1 }) });
      await call("DELETE", `${DEFINITIONS}/${name}`);
      await untilGone(`${DEFINITIONS}/${name}`);
      assert.equal((await call("GET", `${things}/one`)).status, 404);
    }),
};

interface Things extends Ground {
  readonly group: string;
  /** The definition's. */
  readonly name: string;
  /** Path of the collection. */
  readonly things: string;
  thing(spec: object): { metadata: { name: string } };
}

async function withThings(ground: Ground, act: (things: Things) => Promise<void>): Promise<void> {
  // Definitions have no namespace: each case has a group of its own.
  const group = `${ground.namespace}.example.com`;
  const name = `things.${group}`;
  const things = ground.in(`${group}/v1/things`);
  assert.equal((await ground.call("GET", things)).status, 404);
  const created = await ground.apply(`${DEFINITIONS}/${name}`, "agent", definition(group));
  assert.equal(created.status, 201);
  assert.equal(conditionOf(created.body, "Established"), undefined);
  try {
    await ground.until(
      `${DEFINITIONS}/${name}`,
      (object) => conditionOf(object, "Established")?.["status"] === "True",
    );
    // Established comes a moment before it is served everywhere.
    await untilServed(ground, things);
    const thing = (spec: object) => ({
      apiVersion: `${group}/v1`,
      kind: "Thing",
      metadata: { name: "one" },
      spec,
    });
    await act({ ...ground, group, name, things, thing });
  } finally {
    await ground.call("DELETE", `${DEFINITIONS}/${name}`);
  }
}

/** Ends with the case's limit: its client is closed then. */
async function untilServed({ call }: Ground, path: string): Promise<void> {
  while ((await call("GET", path)).status !== 200);
}

function definition(group: string) {
  const spec = {
    type: "object",
    required: ["size"],
    properties: {
      size: { type: "integer", minimum: 1 },
      mode: { type: "string", enum: ["slow", "fast"], default: "slow" },
      parts: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        items: { type: "object", required: ["id"], properties: { id: { type: "string" } } },
      },
    },
  };
  const status = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind: "Thing", plural: "things", shortNames: ["th"] },
      versions: [{
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", properties: { spec, status } } },
      }],
    },
  };
}
