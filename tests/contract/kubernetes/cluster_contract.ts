/** The Cluster port on an API server: what it finds, and what it makes of refusals. */
import assert from "node:assert/strict";
import { uidOf } from "../../../src/core/kubernetes_object.ts";
import { configMap, deployment, MERGE } from "./objects.ts";
import { type Product, withProduct } from "./product.ts";
import type { Contract } from "./target.ts";

const WRITE = { dryRun: false };
const TRY = { dryRun: true };

function onProduct(act: (product: Product) => Promise<void>) {
  return (ground: Parameters<typeof withProduct>[0]) => withProduct(ground, act);
}

export const clusterContract: Contract = {
  "kinds are resolved by discovery": onProduct(async ({ cluster }) => {
    const resolve = (apiVersion: string, kind: string) => cluster.resolve({ apiVersion, kind });
    assert.deepEqual(await resolve("v1", "Namespace"), { plural: "namespaces", namespaced: false });
    assert.deepEqual(await resolve("apps/v1", "Deployment"), {
      plural: "deployments",
      namespaced: true,
    });
    for (const [version, kind] of [["v1", "Widget"], ["example.org/v1", "Widget"]] as const) {
      await assert.rejects(resolve(version, kind), { code: "not_found", message: /does not know/ });
    }
  }),

  "get returns the object, and null where there is none": onProduct(
    async ({ cluster, ref, place }) => {
      assert.equal(await cluster.get(ref("ConfigMap", "c")), null);
      await cluster.create(place(configMap("c", { a: "1" })), WRITE);
      assert.deepEqual((await cluster.get(ref("ConfigMap", "c")))?.data, { a: "1" });
      const elsewhere = { ...ref("ConfigMap", "c"), namespace: "nowhere" };
      assert.equal(await cluster.get(elsewhere), null);
    },
  ),

  "a conflict names the field and its owner": onProduct(
    async ({ apply, cluster, place, ...at }) => {
      const path = `${at.in("configmaps")}/c`;
      await apply(path, "kubectl", configMap("c", { a: "1" }));
      for (const options of [TRY, WRITE]) {
        await assert.rejects(cluster.apply(place(configMap("c", { a: "2" })), options), {
          code: "field_conflict",
          message: /owned by others: \.data\.a \(conflict with "kubectl"\)/,
        });
      }
    },
  ),

  "a manifest that the server cannot take is refused as such": onProduct(
    async ({ cluster, place }) => {
      const cases: readonly [object, RegExp][] = [
        [deployment("web", { foo: 1 }), /\.spec\.foo: field not declared in schema/],
        [deployment("web", { replicas: "many" }), /\.spec\.replicas: expected numeric/],
        [deployment("web", { replicas: -1 }), /spec\.replicas: Invalid value: -1/],
        [configMap("Not_A_Name"), /metadata\.name: Invalid value/],
      ];
      for (const [object, message] of cases) {
        const manifest = place(object as { metadata: object });
        await assert.rejects(cluster.apply(manifest, TRY), { code: "admission_denied", message });
      }
    },
  ),

  "an object in a namespace that is not there is not found": onProduct(
    async ({ cluster, place }) => {
      const lost = place(configMap("c"));
      const elsewhere = { ...lost, metadata: { ...lost.metadata, namespace: "nowhere" } };
      await assert.rejects(cluster.apply(elsewhere, WRITE), {
        code: "not_found",
        message: /namespaces "nowhere" not found/,
      });
    },
  ),

  "an object that was made anew is not the one that was meant": onProduct(
    async ({ call, cluster, ref, place, ...at }) => {
      const first = (await cluster.create(place(configMap("c", { a: "1" })), WRITE)).object;
      await call("DELETE", `${at.in("configmaps")}/c`);
      const { uid } = first.metadata;
      const meant = place(configMap("c", { b: "2" }, { uid: uid as string }));
      const isOther = { code: "plan_changed", message: /apply v1\/ConfigMap/ };
      await assert.rejects(cluster.apply(meant, WRITE), isOther);
      await cluster.create(place(configMap("c", { a: "1" })), WRITE);
      await assert.rejects(cluster.apply(meant, TRY), isOther);
      await assert.rejects(cluster.apply(meant, WRITE), isOther);
      await assert.rejects(cluster.delete(ref("ConfigMap", "c"), uid as string, WRITE), {
        code: "plan_changed",
      });
      assert.deepEqual((await cluster.get(ref("ConfigMap", "c")))?.data, { a: "1" });
    },
  ),

  "a merge holds for the version that was read": onProduct(
    async ({ call, cluster, ref, place, ...at }) => {
      const { object } = await cluster.create(place(configMap("c", { a: "1" })), WRITE);
      await call("PATCH", `${at.in("configmaps")}/c`, { body: { data: { b: "1" } }, type: MERGE });
      const version = String(object.metadata.resourceVersion);
      const patch = { data: { a: "2" } };
      await assert.rejects(cluster.merge(ref("ConfigMap", "c"), patch, version, WRITE), {
        code: "field_conflict",
        message: /the object has been modified/,
      });
      const free = await cluster.merge(ref("ConfigMap", "c"), patch, null, WRITE);
      assert.deepEqual(free.object.data, { a: "2", b: "1" });
    },
  ),

  "delete removes what is meant, once, and a dry run does not": onProduct(
    async ({ cluster, ref, place }) => {
      const { object } = await cluster.create(place(configMap("c")), WRITE);
      const uid = uidOf(object)!;
      await cluster.delete(ref("ConfigMap", "c"), uid, TRY);
      assert.notEqual(await cluster.get(ref("ConfigMap", "c")), null);
      await cluster.delete(ref("ConfigMap", "c"), uid, WRITE);
      assert.equal(await cluster.get(ref("ConfigMap", "c")), null);
      await cluster.delete(ref("ConfigMap", "c"), uid, WRITE);
    },
  ),

  "a namespace that is going takes nothing more": onProduct(async (product) => {
    const { call, cluster, place, namespace } = product;
    await cluster.create(
      place(configMap("held", {}, { finalizers: ["example.com/wait"] })),
      WRITE,
    );
    await call("DELETE", `/api/v1/namespaces/${namespace}`);
    await assert.rejects(cluster.apply(place(configMap("c")), TRY), {
      code: "admission_denied",
      message: /is being terminated/,
    });
    await call("PATCH", `${product.in("configmaps")}/held`, {
      body: { metadata: { finalizers: null } },
      type: MERGE,
    });
  }),

  "a user without rights is told which": (ground) =>
    withProduct(ground, async ({ cluster, place, ref }) => {
      await assert.rejects(cluster.get(ref("ConfigMap", "c")), {
        code: "access_denied",
        message: /cannot get resource "configmaps" in API group "" in the namespace/,
      });
      await assert.rejects(cluster.apply(place(configMap("c")), TRY), {
        code: "access_denied",
        message: /cannot patch resource "configmaps"/,
      });
    }, ground.target.stranger),

  "a token that the server does not know is refused": (ground) =>
    withProduct(ground, async ({ cluster, ref }) => {
      await assert.rejects(cluster.get(ref("ConfigMap", "c")), {
        code: "access_denied",
        message: /the API server does not know us/,
      });
    }, { token: "wrong" }),
};
