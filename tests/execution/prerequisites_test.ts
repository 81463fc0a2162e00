/** Whole packages that make a namespace or a kind and use it at once. */
import assert from "node:assert/strict";
import {
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  type Ground,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { gadget, gadgetDefinition } from "../fakes/gadgets.ts";

const POLICY = AUTO_POLICY.replace(
  "allow:",
  `allow:
  - name: new
    namespaces: [new*]
    clusterScoped: true
    kinds:
      - v1/Namespace
      - v1/ConfigMap
      - apps/v1/Deployment
      - apiextensions.k8s.io/v1/CustomResourceDefinition
      - e.org/v1/Gadget
    actions: [apply]`,
);
const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: { name: new-shop }";
const GADGETS = gadgetDefinition("e.org");
const gadgetOf = (size: string) => gadget("e.org", "new-shop", size);

async function withStand(work: (stand: Stand, ground: Ground) => Promise<void>): Promise<void> {
  const ground = await layGround({ rolloutMs: 1, progressDeadlineMs: 5 });
  const stand = (await Stand.open(ground, { policy: POLICY })).start();
  try {
    await work(stand, ground);
  } finally {
    await stand.kill();
    await ground.close();
  }
}

function actions(...manifests: string[]): string {
  return manifests.map(applyAction).join("\n");
}

const isThere = ({ kubernetes }: Ground, apiVersion: string, kind: string, name: string) =>
  kubernetes.store.get(apiVersion, kind, kind === "ConfigMap" ? "new-shop" : "", name) !== null;

Deno.test("a package can make a namespace and a kind and use both, in any order", () =>
  withStand(async (stand, ground) => {
    const bytes = packageOf({
      actions: actions(
        gadgetOf("small"),
        configMap("c", { a: "1" }, "new-shop"),
        GADGETS,
        NAMESPACE,
      ),
    });
    const { id } = await send(stand, ground, bytes);
    const end = await stand.until(id, "succeeded", "refused", "rolled_back", "rollback_failed");
    assert.equal(end.state, "succeeded", end.reason);
    assert.deepEqual(
      end.plan!.entries.map(({ ref, unchecked }) => [ref.kind, unchecked !== undefined]),
      [
        ["CustomResourceDefinition", false],
        ["Namespace", false],
        ["Gadget", true],
        ["ConfigMap", true],
      ],
    );
    assert.ok(isThere(ground, "v1", "ConfigMap", "c"));
  }));

Deno.test("what the new kind does not allow takes the whole package back", () =>
  withStand(async (stand, ground) => {
    const bytes = packageOf({ actions: actions(NAMESPACE, GADGETS, gadgetOf("enormous")) });
    const { id } = await send(stand, ground, bytes);
    const end = await stand.until(id, "succeeded", "refused", "rolled_back", "rollback_failed");
    assert.equal(end.state, "rolled_back", end.reason);
    assert.equal(end.code, "admission_denied");
    assert.match(end.reason, /Gadget new-shop\/one: .*spec\.size.*; every object is as it was/);
    const definition = ["apiextensions.k8s.io/v1", "CustomResourceDefinition", "gadgets.e.org"];
    const [apiVersion, kind, name] = definition as [string, string, string];
    assert.equal(isThere(ground, apiVersion, kind, name), false);
  }));

Deno.test("a failure behind a new namespace and kind takes them back, last first", () =>
  withStand(async (stand, ground) => {
    const never = deployment("never", "never:broken", 1, "new-shop");
    const bytes = packageOf({ actions: actions(NAMESPACE, GADGETS, gadgetOf("small"), never) });
    const { id } = await send(stand, ground, bytes);
    const end = await stand.until(id, "succeeded", "refused", "rolled_back", "rollback_failed");
    assert.equal(end.state, "rolled_back", end.reason);
    assert.equal(end.code, "unhealthy");
  }));

Deno.test("an object whose namespace nobody makes is refused with the plan", () =>
  withStand(async (stand, ground) => {
    const bytes = packageOf({ actions: actions(configMap("c", {}, "new-shop")) });
    const { id } = await send(stand, ground, bytes);
    const end = await stand.until(id, "succeeded", "refused");
    assert.deepEqual([end.state, end.code], ["refused", "not_found"]);
    assert.match(end.reason, /ConfigMap new-shop\/c: namespaces "new-shop" not found/);
  }));
