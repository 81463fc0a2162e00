import assert from "node:assert/strict";
import { TransientError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
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

Deno.test("the agent keeps its key, its id and its audit chain over a restart", () =>
  withWorld(async (world) => {
    const first = await start(world);
    await until(() => isOk(first, "registration"));
    await first.stop();
    const second = await start(world);
    await until(() =>
      world.controlPlane.registrations.length === 2 && isOk(second, "registration")
    );
    await second.stop();
    const [a, b] = world.controlPlane.registrations;
    assert.equal(a!.clusterId, b!.clusterId);
    assert.equal(a!.keyId, b!.keyId);
  }));

Deno.test("a second agent on the same state directory is refused", () =>
  withWorld(async (world) => {
    const first = await start(world);
    await assert.rejects(start(world), { code: "state_unwritable" });
    await first.stop();
    const second = await start(world);
    await second.stop();
  }));

Deno.test("a package that waits for approval survives a restart and is then carried out", () =>
  withWorld(async (world) => {
    const first = await start(world);
    await until(() => isOk(first, "registration"));
    const { status, body } = await push(world, first, packageFor(world));
    assert.equal(status, 202);
    const { executionId } = body as { executionId: string };
    const states = () =>
      world.controlPlane.receipts.filter(({ payload }) => payload.executionId === executionId)
        .map(({ payload }) => payload.state);
    await until(() => states().includes("pending_approval"));
    await first.stop();

    const second = await start(world);
    const client = adminClient(world, second);
    const { plan } = await client.show(executionId);
    await client.approve(executionId, plan!.digest);
    await until(() => states().includes("succeeded"));
    await second.stop();
    assert.deepEqual(states(), ["pending_approval", "succeeded"], "each outcome has one receipt");
    assert.notEqual(world.kubernetes.embedded!.store.get("v1", "ConfigMap", "shop", "c"), null);
  }));

Deno.test("an unreachable Vault leaves the agent alive, says so, and is waited for", () =>
  withWorld(async (world) => {
    await world.vault.embedded!.server.stop();
    const agent = await start(world);
    await until(() => agent.health.get("vault")?.state === "degraded");
    assert.match(agent.health.get("vault")!.reason, /Cannot reach Vault/);
    assert.notEqual(agent.health.get("registration")?.state, "ok");
    world.vault.embedded!.server.start();
    await until(() => isOk(agent, "vault") && isOk(agent, "registration"));
    await agent.stop();
  }));

Deno.test("a CA that did not sign the control plane stalls registration with what to do", () =>
  withWorld(async (world) => {
    const { createPki } = await import("../../src/embedded/pki.ts");
    const other = await createPki("somebody else");
    await Deno.writeTextFile(`${world.folder}/other.pem`, other.caPem);
    const controlPlane = { ...world.config.controlPlane, caFile: `${world.folder}/other.pem` };
    const agent = await start({ ...world, config: { ...world.config, controlPlane } });
    await until(() => agent.health.get("registration")?.state === "stalled");
    assert.match(agent.health.get("registration")!.reason, /tls_untrusted.*caFile/);
    await agent.stop();
  }));

Deno.test("a full disk refuses work, loses none, and recovers by itself", () =>
  withWorld(async (world) => {
    let isFull = false;
    const guard =
      <Args extends unknown[], Result>(write: (...args: Args) => Promise<Result>) =>
      (...args: Args): Promise<Result> =>
        isFull
          ? Promise.reject(new TransientError("disk_full", "Cannot write: no space left"))
          : write(...args);
    const files: Files = {
      ...systemFiles,
      createExclusive: guard(systemFiles.createExclusive),
      replaceDurably: guard(systemFiles.replaceDurably),
      async openAppend(path) {
        const file = await systemFiles.openAppend(path);
        return { ...file, append: guard((bytes: Uint8Array) => file.append(bytes)) };
      },
    };
    const agent = await start(world, { files });
    await until(() => isOk(agent, "registration"));
    const bytes = packageFor(world);
    isFull = true;
    const refused = await push(world, agent, bytes);
    assert.ok(refused.status >= 500 || refused.status === 403, JSON.stringify(refused));
    assert.deepEqual((await admin(agent, "/executions")).executions, []);
    isFull = false;
    let answer = await push(world, agent, bytes);
    while (answer.status !== 202) answer = await push(world, agent, bytes);
    await agent.stop();
  }));

Deno.test("the agent stops promptly while every peer is away", () =>
  withWorld(async (world) => {
    const agent = await start(world);
    await until(() => isOk(agent, "registration"));
    const { controlPlane, vault, prometheus, kubernetes, archive } = world;
    await controlPlane.server.stop();
    for (const peer of [vault, prometheus, kubernetes, archive]) {
      await peer.embedded!.server.stop();
    }
    await agent.stop();
    await agent.finished;
  }));
