/** The story of a certificate that is renewed on the disk, first with the wrong key, between two pushes. */
import assert from "node:assert/strict";
import type { World } from "../../src/cli/simulate/world.ts";
import type { Agent } from "../../src/agent/agent.ts";
import { encodeBase64 } from "../../src/core/encoding.ts";
import { pushExecute } from "../../src/embedded/control_plane/push.ts";
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import type { Config } from "../../src/config/schema.ts";
import type { KeyPair } from "../../src/runtime.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { isOk, packageFor, start, until } from "./agent_world.ts";
import { hurriedClock } from "./hurried_clock.ts";

export interface Volume extends Pick<Config["listener"], "certFile" | "keyFile"> {
  /** Certificate and key change in one step, or one after the other. */
  put(pair: KeyPair): Promise<void>;
}
export type OpenVolume = (folder: string) => Promise<Volume>;

/** Whether a connection that is made now is vouched for by this authority. */
async function isServed({ caPem }: Pki, port: number): Promise<boolean> {
  const client = systemHttp.client({ caPem });
  try {
    return await (await client.fetch(`https://127.0.0.1:${port}/livez`, {})).text() === "ok";
  } catch {
    return false;
  } finally {
    client.close();
  }
}

async function pushTo(world: World, agent: Agent, { caPem }: Pki, name: string): Promise<void> {
  const audience = world.controlPlane.registrations[0]!.clusterId;
  const token = await world.controlPlane.orchestratorToken({ audience });
  const bytes = packageFor(world, name);
  const request = {
    payload: encodeBase64(bytes),
    bundle: { ...world.signers.release.sign(bytes) },
  };
  const { status } = await pushExecute(`https://127.0.0.1:${agent.port}`, caPem, request, token);
  assert.equal(status, 202);
}

export async function renewListener(world: World, open: OpenVolume): Promise<void> {
  const volume = await open(world.folder);
  await volume.put(await world.pki.issue("connector"));
  const { certFile, keyFile } = volume;
  const listener = { ...world.config.listener, certFile, keyFile };
  const lines: string[] = [];
  const agent = await start(
    { config: { ...world.config, listener }, clock: hurriedClock(world.clock) },
    { lines },
  );
  const count = (event: string) => lines.filter((line) => line.includes(`"${event}"`)).length;
  try {
    await until(() => isOk(agent, "registration"));
    const renewed = await createPki();
    const pair = await renewed.issue("connector");

    await volume.put({ ...pair, keyPem: (await renewed.issue("other")).keyPem });
    await until(() => count("certificate_refused") > 0);
    assert.equal(agent.health.get("listener")?.state, "stalled");
    assert.ok(await isServed(world.pki, agent.port));

    await pushTo(world, agent, world.pki, "before");
    await volume.put(pair);
    await until(() => count("certificate_renewed") > 0);
    assert.ok(isOk(agent, "listener"));
    assert.ok(await isServed(renewed, agent.port));
    assert.ok(!await isServed(world.pki, agent.port));
    await pushTo(world, agent, renewed, "after");
    assert.equal(count("agent_started"), 1);
  } finally {
    await agent.stop();
  }
}
