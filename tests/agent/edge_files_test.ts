/** An edge host: no cluster, files alone. */
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { adminClient, isOk, push, start, until, withWorld } from "../fakes/agent_world.ts";
import { FILE_POLICY } from "../fakes/file_stand.ts";

/** A test may not read the machine's own id. */
const MACHINE: Files = {
  ...systemFiles,
  read: (path, maxBytes) =>
    path === "/etc/machine-id"
      ? Promise.resolve(encodeUtf8("0123456789abcdef0123456789abcdef\n"))
      : systemFiles.read(path, maxBytes),
};

async function startEdge(world: World): Promise<Agent> {
  const policyFile = `${world.folder}/files-policy.yaml`;
  // Also a kind of the cluster that is not there: the policy is not what refuses it.
  const clusterRule =
    "  - { name: c, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }\n";
  await Deno.writeTextFile(policyFile, FILE_POLICY + clusterRule);
  const roots = [{ name: "web", maxMode: 0o644, maxBytes: 1024 }];
  const config = {
    ...world.config,
    kubernetes: { mode: "none" },
    execution: { ...world.config.execution, policyFile, files: { roots } },
  } as World["config"];
  const agent = await start({ ...world, config }, { files: MACHINE });
  await until(() => isOk(agent, "registration"));
  return agent;
}

function packageOf(world: World, name: string, action: object): Uint8Array<ArrayBuffer> {
  const iso = (ms: number) => new Date(Date.now() + ms).toISOString();
  return encodeUtf8(JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name, stream: `s-${name}`, sequence: 1 },
    spec: {
      target: { clusterIds: [world.controlPlane.registrations[0]!.clusterId] },
      notBefore: iso(-60_000),
      expiresAt: iso(600_000),
      risk: "low",
      reason: "test",
      actions: [action],
    },
  }));
}

const receiptsOf = (world: World, id: string) =>
  world.controlPlane.receipts.filter(({ payload }) => payload.executionId === id)
    .map(({ payload }) => payload);

Deno.test("an edge host without a cluster places files that were signed, allowed and approved", () =>
  withWorld(async (world) => {
    const agent = await startEdge(world);
    const { kind, capabilities } = world.controlPlane.registrations.at(-1)!.request.cluster;
    assert.equal(kind, "edge");
    assert.ok(capabilities.includes("execute") && capabilities.includes("files"));

    const entries = [{ path: "conf.d/app.conf", content: "a: 1\n" }];
    const files = { files: { root: "web", entries } };
    const { status, body } = await push(world, agent, packageOf(world, "place", files));
    assert.equal(status, 202);
    const { executionId } = body as { executionId: string };
    const states = () => receiptsOf(world, executionId).map(({ state }) => state);
    await until(() => states().includes("pending_approval"));
    const client = adminClient(world, agent);
    const { plan } = await client.show(executionId);
    await client.approve(executionId, plan!.digest);
    await until(() => states().includes("succeeded"));
    await agent.stop();
    const placed = `${world.config.stateDir}/files/web/conf.d/app.conf`;
    assert.equal(await Deno.readTextFile(placed), "a: 1\n");
  }));

Deno.test("an edge host without a cluster refuses objects of one, and says why", () =>
  withWorld(async (world) => {
    const agent = await startEdge(world);
    const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c, namespace: shop }\n";
    const bytes = packageOf(world, "object", { apply: { manifest } });
    const { body } = await push(world, agent, bytes);
    const { executionId } = body as { executionId: string };
    await until(() => receiptsOf(world, executionId).length > 0);
    const [{ state, code, reason }] = receiptsOf(world, executionId) as [
      ReturnType<typeof receiptsOf>[number],
    ];
    await agent.stop();
    assert.deepEqual([state, code], ["refused", "not_found"]);
    assert.match(reason, /This connector has no cluster: kubernetes\.mode is none/);
  }));
