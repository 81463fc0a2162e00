/** A ground and an agent for the length of a test; both go whatever happens. */
import assert from "node:assert/strict";
import type { ConfigInput } from "../../src/config/schema.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import { AgentProcess } from "./agent_process.ts";
import { type Ground, type GroundOptions, layGround, writeConfig } from "./ground.ts";

export async function withGround(
  work: (ground: Ground) => Promise<void>,
  options: GroundOptions = {},
): Promise<void> {
  const ground = await layGround(options);
  try {
    await work(ground);
  } finally {
    await ground.close();
  }
}

export interface RunningAgent {
  readonly agent: AgentProcess;
  /** Of the listener. */
  readonly port: number;
  /** Path of the configuration. */
  readonly config: string;
}

/** Starts the agent on this ground. After `work` it must still be running, and end well when asked to. */
export async function withAgent(
  ground: Ground,
  changes: Partial<ConfigInput>,
  work: (running: RunningAgent) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const config = await writeConfig(ground, changes);
  const agent = AgentProcess.spawn(config, env);
  try {
    await work({ agent, port: await agent.started(), config });
    assert.ok(agent.isRunning, "the agent has ended");
    assert.equal(await agent.stop(), 0);
  } finally {
    await agent.kill();
  }
}

/** A new signer, and the configuration that trusts it. */
export async function trustNewSigner(
  ground: Ground,
): Promise<{ signer: KeySigner; trust: NonNullable<ConfigInput["trust"]> }> {
  const signer = await createKeySigner();
  const keyFile = await ground.write("release.pub", signer.publicKeyPem);
  return { signer, trust: { signers: [{ name: "release", keyFile }] } };
}
