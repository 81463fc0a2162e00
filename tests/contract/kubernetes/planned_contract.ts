/** What is written is what was planned; and what a package makes itself, it can use. */
import assert from "node:assert/strict";
import type { KubeObject } from "../../../src/core/kubernetes_object.ts";
import { parsePackageObjects } from "./package_objects.ts";
import { alwaysLeader } from "../../../src/execution/leadership.ts";
import { applyOperation } from "../../../src/execution/operations/apply.ts";
import { deleteOperation } from "../../../src/execution/operations/delete.ts";
import { operationsOf } from "../../../src/execution/operations/operations_of.ts";
import { waitForNeeds } from "../../../src/execution/waiting.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import { configMap, deployment, MERGE } from "./objects.ts";
import { type Product, withProduct } from "./product.ts";
import type { Contract } from "./target.ts";

const WRITE = { dryRun: false };
const TRY = { dryRun: true };

function onProduct(act: (product: Product) => Promise<void>) {
  return (ground: Parameters<typeof withProduct>[0]) => withProduct(ground, act);
}

export const plannedContract: Contract = {
  "a dry run speaks of the version that is there, and of none where nothing is": onProduct(
    async ({ cluster, place, ref }) => {
      const fresh = await cluster.apply(place(configMap("c", { a: "1" })), TRY);
      assert.deepEqual([fresh.isNew, fresh.object.metadata.resourceVersion], [true, undefined]);
      const made = await cluster.apply(place(configMap("c", { a: "1" })), WRITE);
      assert.equal(made.isNew, true);
      const { resourceVersion } = (await cluster.get(ref("ConfigMap", "c")))!.metadata;
      const tried = [
        await cluster.apply(place(configMap("c", { a: "1" })), TRY),
        await cluster.apply(place(configMap("c", { a: "2" })), TRY),
        await cluster.merge(ref("ConfigMap", "c"), { data: { b: "1" } }, null, TRY),
      ];
      for (const { isNew, object } of tried) {
        assert.deepEqual([isNew, object.metadata.resourceVersion], [false, resourceVersion]);
      }
    },
  ),

  "an apply of what only the status has moved on since is done": onProduct(async (product) => {
    const { call, cluster, context, place } = product;
    const first = place(deployment("web", { replicas: 0 }));
    await cluster.apply(first, WRITE);
    const operation = applyOperation(place(deployment("web", { replicas: 1 })), context);
    const { before } = await operation.preview(cluster);
    await call("PATCH", `${product.in("apps/v1/deployments")}/web/status`, {
      body: { status: { conditions: [{ type: "Odd", status: "True" }] } },
      type: MERGE,
    });
    await operation.perform(cluster, before);
    const live = await cluster.get(operation.ref);
    assert.equal((live!.spec as { replicas: number }).replicas, 1);
  }),

  "an apply of what someone has changed since is refused, and changes nothing": onProduct(
    async (product) => {
      const { call, cluster, context, place, ref } = product;
      const path = `${product.in("configmaps")}/c`;
      await call("POST", product.in("configmaps"), { body: configMap("c", { a: "1" }) });
      const operation = applyOperation(place(configMap("c", { b: "1" })), context);
      const { before } = await operation.preview(cluster);
      await call("PATCH", path, { body: { data: { a: "2" } }, type: MERGE });
      await assert.rejects(operation.perform(cluster, before), { code: "plan_changed" });
      assert.deepEqual((await cluster.get(ref("ConfigMap", "c")))!.data, { a: "2" });
      // What is set to the very same by someone else is theirs, and no work of ours.
      await call("PATCH", path, { body: { data: { a: null, b: "1" } }, type: MERGE });
      await assert.rejects(operation.perform(cluster, before), { code: "plan_changed" });
    },
  ),

  "a delete of what someone has changed since is refused": onProduct(async (product) => {
    const { call, cluster, ref } = product;
    await call("POST", product.in("configmaps"), { body: configMap("c", { a: "1" }) });
    const operation = deleteOperation(ref("ConfigMap", "c"));
    const { before } = await operation.preview(cluster);
    await call("PATCH", `${product.in("configmaps")}/c`, {
      body: { data: { a: "2" } },
      type: MERGE,
    });
    await assert.rejects(operation.perform(cluster, before), { code: "plan_changed" });
    assert.notEqual(await cluster.get(ref("ConfigMap", "c")), null);
  }),

  "an apply that was done already is not done again": onProduct(async (product) => {
    const { cluster, context, place } = product;
    await cluster.apply(place(configMap("c", { a: "1" })), WRITE);
    const operation = applyOperation(place(configMap("c", { a: "2" })), context);
    const { before } = await operation.preview(cluster);
    await operation.perform(cluster, before);
    const done = await cluster.get(operation.ref);
    await operation.perform(cluster, before);
    assert.deepEqual(await cluster.get(operation.ref), done);
  }),

  "a namespace and a definition come before what needs them, and it is checked then": onProduct(
    async (product) => {
      const { cluster, context } = product;
      const id = crypto.randomUUID().slice(0, 8);
      const objects = parsePackageObjects(id, "small");
      const operations = operationsOf(objects, context);
      const kinds = operations.map(({ ref }) => ref.kind);
      assert.deepEqual(kinds, ["Namespace", "CustomResourceDefinition", "Gadget", "ConfigMap"]);
      const previews = [];
      for (const operation of operations) previews.push(await operation.preview(cluster));
      const unchecked = previews.map(({ entry }) => entry.unchecked ?? "");
      assert.deepEqual(unchecked.map((text) => text.length > 0), [false, false, true, true]);
      assert.match(unchecked[2]!, /its (namespace|definition) is created by this package/);
      assert.ok(previews[3]!.entry.changes.some(({ path }) => path === "data.a"));
      try {
        await carryOut(product, operations);
        assert.equal(
          ((await cluster.get(operations[2]!.ref))!.spec as { size: string }).size,
          "small",
        );
      } finally {
        await takeBack(product, operations);
      }
    },
  ),

  "what its new definition does not allow is refused before it is written": onProduct(
    async (product) => {
      const { context } = product;
      const id = crypto.randomUUID().slice(0, 8);
      const operations = operationsOf(parsePackageObjects(id, "enormous"), context);
      try {
        await assert.rejects(carryOut(product, operations), {
          code: "admission_denied",
          message: /spec\.size/,
        });
      } finally {
        await takeBack(product, operations);
      }
    },
  ),
};

async function takeBack(
  { cluster }: Product,
  operations: ReturnType<typeof operationsOf>,
): Promise<void> {
  for (const operation of operations.toReversed()) {
    assert.deepEqual(await operation.revert(cluster, null), []);
  }
}

async function carryOut(
  { cluster }: Product,
  operations: ReturnType<typeof operationsOf>,
): Promise<void> {
  const { clock, random } = systemRuntime();
  const patience = {
    clock,
    random,
    leadership: alwaysLeader,
    signal: new AbortController().signal,
    deadlineMs: clock.monotonic() + 20_000,
  };
  for (const operation of operations) {
    await waitForNeeds(operation, cluster, patience);
    await operation.perform(cluster, null as KubeObject | null);
  }
}
