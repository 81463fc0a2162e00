/** Files on an edge host: the agent's own process, under the permissions that it ships with. */
import assert from "node:assert/strict";
import type { ConfigInput } from "../../src/config/schema.ts";
import { cli } from "./agent_process.ts";
import { type Ground } from "./ground.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { type RunningAgent, trustNewSigner, withAgent, withGround } from "./running_agent.ts";
import { link } from "./symbolic_link.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
maxObjects: 100
allow:
  - { name: web, namespaces: [web], kinds: [files.neuralops.io/v1/File], actions: [files] }
`;

interface Edge extends RunningAgent {
  readonly ground: Ground;
  /** The root's directory. */
  readonly root: string;
  /** Pushes a package of these files; resolves with its id. */
  push(entries: readonly object[]): Promise<string>;
  approve(id: string): Promise<void>;
}

function withEdge(work: (edge: Edge) => Promise<void>): Promise<void> {
  return withGround(async (ground) => {
    const { signer, trust } = await trustNewSigner(ground);
    const changes: Partial<ConfigInput> = {
      trust,
      kubernetes: { mode: "none" },
      execution: {
        policyFile: await ground.write("files-policy.yaml", POLICY),
        files: { roots: [{ name: "web" }] },
      },
    };
    let sequence = 0;
    await withAgent(ground, changes, async (running) => {
      const clusterId = await registeredCluster(ground);
      await work({
        ...running,
        ground,
        root: `${ground.stateDir}/files/web`,
        push: async (entries) => {
          const bytes = packageOf(clusterId, ++sequence, entries);
          return await pushAccepted(ground, running.port, bytes, signer.sign(bytes));
        },
        async approve(id) {
          await untilReceipt(ground, id, "pending_approval");
          const { config } = running;
          const approved = await cli("executions", "approve", id, "--yes", "--config", config);
          assert.equal(approved.code, 0, approved.stderr);
        },
      });
    });
  });
}

function packageOf(clusterId: string, sequence: number, entries: readonly object[]) {
  const iso = (ms: number) => new Date(Date.now() + ms).toISOString();
  return new TextEncoder().encode(JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: `files-${sequence}`, stream: "edge", sequence },
    spec: {
      target: { clusterIds: [clusterId] },
      notBefore: iso(-60_000),
      expiresAt: iso(3_600_000),
      risk: "low",
      reason: "the suite on real peers",
      actions: [{ files: { root: "web", entries } }],
    },
  }));
}

Deno.test("agent on an edge host places a file, and its receipt can be checked elsewhere", () =>
  withEdge(async ({ ground, config, root, push, approve }) => {
    const id = await push([
      { path: "conf.d/app.conf", content: "a: 1\n", mode: "0640" },
    ]);
    await approve(id);
    await untilReceipt(ground, id, "succeeded");
    assert.equal(await Deno.readTextFile(`${root}/conf.d/app.conf`), "a: 1\n");
    assert.equal((await Deno.lstat(`${root}/conf.d/app.conf`)).mode! & 0o7777, 0o640);

    const key = await cli("key", "--config", config);
    const receipt = await cli("executions", "receipt", id, "--config", config);
    const keyFile = await ground.write("connector.pub", key.stdout);
    const file = await ground.write("receipt.jws", receipt.stdout);
    const verified = await cli("verify-receipt", file, "--key", keyFile);
    assert.equal(verified.code, 0, verified.stderr);
    assert.match(verified.stdout, /state +succeeded/);
  }));

Deno.test("agent on an edge host takes files back when a later one cannot be placed", () =>
  withEdge(async ({ ground, root, push, approve }) => {
    await Deno.writeTextFile(`${root}/kept.conf`, "before\n", { mode: 0o600 });
    const names = Array.from({ length: 60 }, (_, index) => `new/f${index}.conf`);
    const id = await push([
      { path: "kept.conf", content: "after\n" },
      ...names.map((path) => ({ path, content: "x\n" })),
    ]);
    await untilReceipt(ground, id, "pending_approval");
    using watcher = Deno.watchFs(root);
    await approve(id);
    // Another program is faster with the last of them: many durable writes lie in between.
    await within(LIMIT_MS, "the first file", firstEvent(watcher));
    await Deno.mkdir(`${root}/${names.at(-1)}`, { recursive: true });
    const { reason } = await untilReceipt(ground, id, "rolled_back", "succeeded");
    assert.match(reason, /f59\.conf is a directory/);
    assert.equal(await Deno.readTextFile(`${root}/kept.conf`), "before\n");
    assert.equal((await Deno.lstat(`${root}/kept.conf`)).mode! & 0o7777, 0o600);
    const left = [...Deno.readDirSync(`${root}/new`)].map(({ name }) => name);
    assert.deepEqual(left, ["f59.conf"]);
  }));

async function firstEvent(watcher: Deno.FsWatcher): Promise<void> {
  for await (const _event of watcher) return;
}

Deno.test("agent on an edge host follows no symbolic link out of its root", () =>
  withEdge(async ({ ground, root, push }) => {
    const outside = `${ground.directory}/outside`;
    await Deno.mkdir(outside);
    await Deno.writeTextFile(`${outside}/app.conf`, "not ours\n");
    await link(await Deno.realPath(outside), `${root}/conf.d`);
    await link(await Deno.realPath(`${outside}/app.conf`), `${root}/app.conf`);
    for (const path of ["conf.d/app.conf", "conf.d/new.conf", "app.conf"]) {
      const id = await push([{ path, content: "ours\n" }]);
      const { code, reason } = await untilReceipt(ground, id, "refused", "pending_approval");
      assert.equal(code, "file_refused", reason);
      assert.match(reason, /is a symbolic link/);
    }
    assert.deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["app.conf"]);
    assert.equal(await Deno.readTextFile(`${outside}/app.conf`), "not ours\n");
  }));
