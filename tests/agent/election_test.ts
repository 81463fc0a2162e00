import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import { defaultIdentity } from "../../src/agent/election.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import {
  admin,
  adminClient,
  isOk,
  packageFor,
  push,
  start,
  until,
  withWorld,
} from "../fakes/agent_world.ts";
import { addNamespace } from "../fakes/execution_stand.ts";
import { installDefinition, NAMESPACE } from "../fakes/kubernetes_journal.ts";

const PLACE = { namespace: NAMESPACE, name: "neuralops-connector" };
/** Long enough for a slow machine: no test waits for a lease to run out. */
const LEADER_ELECTION = {
  ...PLACE,
  leaseDuration: 60_000,
  renewDeadline: 40_000,
  retryPeriod: 100,
};

/** One of several agents of the world's cluster: a state directory and a host name of its own. */
async function startOne(world: World, hostname: string, lines: string[] = []): Promise<Agent> {
  const kubernetes = {
    ...world.config.kubernetes,
    leaderElection: LEADER_ELECTION,
    journal: { namespace: NAMESPACE, secretName: "neuralops-journal-key" },
  };
  const stateDir = `${world.folder}/state-${hostname}`;
  const config = { ...world.config, stateDir, kubernetes } as World["config"];
  return await start({ ...world, config }, { hostname, lines });
}

const clientOf = (world: World, agent: Agent, hostname: string) =>
  adminClient(world, agent, `${world.folder}/state-${hostname}`);
const withCluster = (work: (world: World) => Promise<void>) =>
  withWorld(async (world) => {
    await installDefinition(world.kubernetes.embedded!);
    await work(world);
  });

const standing = (agent: Agent) => agent.health.get("leadership")?.reason ?? "";
const leads = (agent: Agent) => standing(agent) === "leads";
const standsBy = (agent: Agent) => /^stands by; .+ leads$/.test(standing(agent));
const leaseOf = (world: World) =>
  world.kubernetes.embedded!.store.get(
    "coordination.k8s.io/v1",
    "Lease",
    PLACE.namespace,
    PLACE.name,
  )!;
const receiptsOf = (world: World, id: string) =>
  world.controlPlane.receipts.filter(({ payload }) => payload.executionId === id)
    .map(({ payload }) => payload.state);
const eventsOf = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).event);

async function get(world: World, agent: Agent, path: string) {
  const client = Deno.createHttpClient({ caCerts: [world.pki.caPem] });
  try {
    const response = await fetch(`https://127.0.0.1:${agent.port}${path}`, { client });
    return { status: response.status, text: await response.text() };
  } finally {
    client.close();
  }
}

Deno.test("of two agents one acts; when it stops, the other registers and executes", () =>
  withCluster(async (world) => {
    const lines: string[] = [];
    const a = await startOne(world, "a");
    await until(() => leads(a) && isOk(a, "registration") && isOk(a, "heartbeat"));
    const b = await startOne(world, "b", lines);
    await until(() => standsBy(b));

    const holder = (leaseOf(world).spec as { holderIdentity: string }).holderIdentity;
    assert.match(holder, /^a_[0-9a-f]{8}$/);
    assert.equal(standing(b), `stands by; ${holder} leads`);
    const refused = await push(world, b, packageFor(world, "early"));
    assert.equal(refused.status, 503);
    const { code, detail } = refused.body as { code: string; detail: string };
    assert.deepEqual([code, detail], [
      "not_leader",
      `This connector stands by: ${holder} leads`,
    ]);
    const rejecting = clientOf(world, b, "b").reject("wpx-1", "no");
    await assert.rejects(rejecting, { code: "not_leader" });
    assert.equal((await admin(b, "/executions")).code, "unavailable", "holds nothing");
    await until(() => isOk(b, "audit"));
    assert.equal((await get(world, b, "/readyz")).status, 200);
    assert.match((await get(world, b, "/metrics")).text, /neuralops_connector_leader 0/);
    assert.match((await get(world, a, "/metrics")).text, /neuralops_connector_leader 1/);
    assert.equal(b.health.get("registration"), undefined, "never asked");
    const keys = () => new Set(world.controlPlane.registrations.map(({ keyId }) => keyId));
    assert.equal(keys().size, 1);
    assert.equal((await push(world, a, packageFor(world, "of-a"))).status, 202);

    await a.stop();
    await until(() => leads(b) && isOk(b, "registration") && isOk(b, "heartbeat"));
    await until(() => isOk(b, "journal"));
    assert.equal(keys().size, 2);
    const { status, body } = await push(world, b, packageFor(world, "of-b"));
    assert.equal(status, 202);
    const { executionId } = body as { executionId: string };
    await until(() => receiptsOf(world, executionId).includes("pending_approval"));
    const { plan } = await clientOf(world, b, "b").show(executionId);
    await clientOf(world, b, "b").approve(executionId, plan!.digest);
    await until(() => receiptsOf(world, executionId).includes("succeeded"));
    assert.notEqual(world.kubernetes.embedded!.store.get("v1", "ConfigMap", "shop", "of-b"), null);

    const again = await startOne(world, "a");
    await until(() => standsBy(again));
    await again.stop();
    await b.stop();
    assert.deepEqual(
      eventsOf(lines).filter((event) => ["leading", "standing_by"].includes(event)),
      ["standing_by", "leading", "standing_by"],
    );
  }));

Deno.test("an agent that is deposed does nothing for the cluster until it leads again", () =>
  withCluster(async (world) => {
    const lines: string[] = [];
    const a = await startOne(world, "a", lines);
    const parts = ["registration", "heartbeat", "commands", "receipts", "executions", "signals"];
    parts.push("journal");
    await until(() => leads(a) && parts.every((part) => isOk(a, part)));
    const { commands, registrations } = world.controlPlane;
    await until(() => commands.openStreams === 1);

    give(world, "someone-else");
    await until(() => standing(a) === "stands by; someone-else leads");
    for (const part of parts) assert.equal(a.health.get(part)?.state, "off", part);
    await until(() => commands.openStreams === 0);
    assert.equal((await push(world, a, packageFor(world))).status, 503);
    assert.equal((await get(world, a, "/readyz")).status, 200);
    const { length: beats } = world.controlPlane.heartbeats;
    const { length: before } = registrations;

    give(world, "");
    await until(() => leads(a) && parts.every((part) => isOk(a, part)));
    assert.equal(registrations.length, before + 1);
    await until(() => world.controlPlane.heartbeats.length > beats);
    assert.equal((await push(world, a, packageFor(world))).status, 202);
    await a.stop();
    const holder = (leaseOf(world).spec as { holderIdentity: string }).holderIdentity;
    assert.equal(holder, "", "given up");
  }));

const NEVER_HEALTHY = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "web:broken" }] }
`;

/** Approves the plan of what was pushed to `agent`, once there is one; returns the path of the execution. */
async function approvePushed(
  world: World,
  agent: Agent,
  hostname: string,
  bytes: Uint8Array,
): Promise<string> {
  await until(() => isOk(agent, "journal") && isOk(agent, "registration"));
  const { body } = await push(world, agent, bytes);
  const { executionId } = body as { executionId: string };
  await until(() => receiptsOf(world, executionId).includes("pending_approval"));
  const client = clientOf(world, agent, hostname);
  const { plan } = await client.show(executionId);
  await client.approve(executionId, plan!.digest);
  return `/executions/${executionId}`;
}

const deploymentOf = (world: World) =>
  world.kubernetes.embedded!.store.get("apps/v1", "Deployment", "shop", "web");

Deno.test("what an agent leaves half done when it is stopped, the next leader finishes, exactly once", () =>
  withCluster(async (world) => {
    const a = await startOne(world, "a");
    await until(() => leads(a) && isOk(a, "registration"));
    const bytes = packageFor(world, "web", NEVER_HEALTHY);
    const path = await approvePushed(world, a, "a", bytes);
    await until(() => deploymentOf(world) !== null);
    await a.stop();
    const spec = leaseOf(world).spec as { holderIdentity: string };
    assert.equal(spec.holderIdentity, "", "the next leader need not wait");

    const b = await startOne(world, "b");
    await until(() => leads(b) && isOk(b, "journal") && isOk(b, "registration"));
    assert.equal((await admin(b, path)).state, "applying");
    const again = await push(world, b, bytes);
    assert.deepEqual([again.status, (again.body as { state: string }).state], [202, "applying"]);
    // Somebody mends the image: what b waits for comes true.
    const mended = JSON.parse(JSON.stringify(deploymentOf(world)).replace("web:broken", "web:1"));
    world.kubernetes.embedded!.store.put(mended, "kubectl");
    const id = path.split("/").at(-1)!;
    await until(() => receiptsOf(world, id).includes("succeeded"));
    assert.match(JSON.stringify(deploymentOf(world)), /web:1/, "was not applied again");
    assert.deepEqual(receiptsOf(world, id), ["pending_approval", "succeeded"]);
    const replayed = await push(world, b, bytes);
    assert.equal((replayed.body as { code: string }).code, "replayed");
    const c = await startOne(world, "c");
    await b.stop();
    await until(() => leads(c) && isOk(c, "journal") && isOk(c, "registration"));
    const once = await push(world, c, bytes);
    assert.deepEqual(
      [(once.body as { code: string }).code, (once.body as { state: string }).state],
      ["replayed", "succeeded"],
      "nor does it run again after a takeover",
    );
    await c.stop();
  }));

Deno.test("without the journal's definition nothing is accepted, and health says what to install", () =>
  withWorld(async (world) => {
    const kubernetes = world.kubernetes.embedded!;
    addNamespace(kubernetes, NAMESPACE);
    const a = await startOne(world, "a");
    await until(() => leads(a) && isOk(a, "registration") && isOk(a, "heartbeat"));
    await until(() => a.health.get("journal")?.state === "stalled");
    const { reason } = a.health.get("journal")!;
    assert.match(reason, /kubectl apply -f helm\/connector\/crds\/workpackageexecutions\.yaml/);
    const refused = await push(world, a, packageFor(world));
    assert.deepEqual([refused.status, (refused.body as { code: string }).code], [
      503,
      "unavailable",
    ]);
    assert.equal(a.health.get("executions"), undefined, "no engine runs");
    await installDefinition(kubernetes);
    await until(() => isOk(a, "journal"));
    assert.equal((await push(world, a, packageFor(world))).status, 202);
    await a.stop();
  }));

function give(world: World, holderIdentity: string): void {
  const lease = leaseOf(world);
  const spec = { ...lease.spec as Record<string, string>, holderIdentity };
  world.kubernetes.embedded!.store.put({ ...lease, spec } as KubeObject, "kubectl");
}

Deno.test("an identity is the host's name and eight digits of the key's id, and nothing else has a _", async () => {
  const pem = await generateKeyPem();
  const { jwk } = await keyFromPem(pem);
  const identity = defaultIdentity("pod-1", jwk);
  assert.match(identity, /^pod-1_[0-9a-f]{8}$/);
  assert.equal(defaultIdentity("pod-1", (await keyFromPem(pem)).jwk), identity);
  const other = await keyFromPem(await generateKeyPem());
  assert.notEqual(defaultIdentity("pod-1", other.jwk), identity);
});
