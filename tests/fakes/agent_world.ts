/** The real agent among the embedded peers, as the agent's tests start it. */
import { type Agent, startAgent } from "../../src/agent/agent.ts";
import { AdminClient } from "../../src/cli/admin_client.ts";
import { movableClock } from "../../src/cli/simulate/clock.ts";
import { createWorld, type World } from "../../src/cli/simulate/world.ts";
import { encodeBase64, encodeUtf8 } from "../../src/core/encoding.ts";
import { pushExecute } from "../../src/embedded/control_plane/push.ts";
import type { Files } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";

export async function withWorld(work: (world: World) => Promise<void>): Promise<void> {
  const folder = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  const world = await createWorld(movableClock(), folder);
  try {
    await work(world);
  } finally {
    await world.close();
    await Deno.remove(world.folder, { recursive: true });
  }
}

export interface StartOptions {
  readonly files?: Files;
  readonly lines?: string[];
  readonly hostname?: string;
}

export async function start(
  world: Pick<World, "config" | "clock">,
  { files = systemFiles, lines = [], hostname = "host-1" }: StartOptions = {},
): Promise<Agent> {
  return await startAgent(world.config, {
    runtime: { ...systemRuntime(world.clock), files },
    env: () => undefined,
    hostname,
    writeLog: (line) => lines.push(line),
  });
}

/** Asks again after every tick of the event loop's timers; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export const isOk = (agent: Agent, part: string) => agent.health.get(part)?.state === "ok";

/** Applies a ConfigMap of that name in namespace shop, unless another manifest is given. */
export function packageFor(
  world: World,
  name = "c",
  manifest =
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: shop }\ndata: { a: b }`,
): Uint8Array<ArrayBuffer> {
  const iso = (ms: number) => new Date(Date.now() + ms).toISOString();
  return encodeUtf8(JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: "configure", stream: `s-${name}`, sequence: 1 },
    spec: {
      target: { clusterIds: [world.controlPlane.registrations[0]!.clusterId] },
      notBefore: iso(-60_000),
      expiresAt: iso(600_000),
      risk: "low",
      reason: "test",
      actions: [{ apply: { manifest } }],
    },
  }));
}

export async function push(world: World, agent: Agent, bytes: Uint8Array) {
  const audience = world.controlPlane.registrations[0]!.clusterId;
  const token = await world.controlPlane.orchestratorToken({ audience });
  const request = {
    payload: encodeBase64(bytes),
    bundle: { ...world.signers.release.sign(bytes) },
  };
  return await pushExecute(`https://127.0.0.1:${agent.port}`, world.pki.caPem, request, token);
}

/** The command line's client, as alice on the agent's machine; the socket is left out. */
export function adminClient(world: World, agent: Agent, stateDir = world.config.stateDir) {
  const client = () => ({
    fetch: (url: string, init: RequestInit) => agent.admin(new Request(url, init)),
    close: () => {},
  });
  return new AdminClient({ client }, systemFiles, stateDir);
}

export async function admin(agent: Agent, path: string, body?: object) {
  const response = await agent.admin(
    new Request(`http://connector${path}`, {
      method: body ? "POST" : "GET",
      ...(body ? { body: JSON.stringify(body) } : {}),
    }),
  );
  return await response.json();
}
