/** Peers that are away or cannot be trusted: the agent says so, stays alive, and recovers. */
import assert from "node:assert/strict";
import { createPki } from "../../src/embedded/pki.ts";
import { probe } from "./listener_client.ts";
import { registeredCluster } from "./orchestrator.ts";
import { type RunningAgent, withAgent, withGround } from "./running_agent.ts";

const DAY_MS = 86_400_000;

Deno.test("agent waits for a Vault that does not answer", () =>
  withGround(async (ground) => {
    await ground.vault.server.stop();
    await withAgent(ground, {}, async (running) => {
      assert.match(await untilFailure(running), /Vault/);
      assert.equal((await probe(ground, running.port, "/livez")).status, 200);
      assert.equal((await probe(ground, running.port, "/readyz")).status, 503);
      ground.vault.server.start();
      await registeredCluster(ground);
      assert.equal((await probe(ground, running.port, "/readyz")).status, 200);
    });
  }));

Deno.test("agent refuses a control plane of another CA", () =>
  withGround(async (ground) => {
    const foreign = await createPki("another CA");
    const caFile = await ground.write("foreign.pem", foreign.caPem);
    const controlPlane = { url: ground.controlPlane.url, caFile };
    await withAgent(ground, { controlPlane }, async (running) => {
      assert.match(await untilFailure(running), /tls_untrusted/);
    });
    assert.equal(ground.controlPlane.registrations.length, 0);
  }));

Deno.test("agent refuses a control plane whose certificate has expired", () =>
  withGround(async (ground) => {
    const expired = await ground.pki.issue("expired", {
      fromMs: Date.now() - 2 * DAY_MS,
      toMs: Date.now() - DAY_MS,
    });
    let requests = 0;
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      cert: expired.certPem,
      key: expired.keyPem,
      onListen: () => {},
    }, () => {
      requests += 1;
      return new Response(null, { status: 500 });
    });
    try {
      const url = `https://127.0.0.1:${server.addr.port}`;
      const controlPlane = { url, caFile: `${ground.directory}/ca.pem` };
      await withAgent(ground, { controlPlane }, async (running) => {
        assert.match(await untilFailure(running), /tls_untrusted/);
      });
    } finally {
      await server.shutdown();
    }
    assert.equal(requests, 0);
  }));

async function untilFailure({ agent }: RunningAgent): Promise<string> {
  return (await agent.untilEvent("registration_failed"))["reason"] as string;
}
