/** The control plane's side of an execution, as a test sees it. */
import { encodeBase64 } from "../../src/core/encoding.ts";
import type { ExecutionState, ReceiptPayload } from "../../src/core/protocol.ts";
import type { Ground } from "./ground.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;

export interface PushAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Resolves with the cluster's id once the connector has registered, beats and can take packages in. */
export async function registeredCluster({ controlPlane }: Ground): Promise<string> {
  const isUp = () =>
    controlPlane.heartbeats.at(-1)?.heartbeat.parts
      .every(({ name, state }) => name !== "journal" || state === "ok") ?? false;
  await within(LIMIT_MS, "a heartbeat with an open journal", controlPlane.until(isUp));
  return controlPlane.registrations.at(-1)!.clusterId;
}

/** POST /execute as the Orchestrator sends it. */
export async function push(
  { pki, controlPlane }: Ground,
  port: number,
  payload: Uint8Array,
  bundle: unknown,
  signal?: AbortSignal,
): Promise<PushAnswer> {
  const audience = controlPlane.registrations.at(-1)!.clusterId;
  const token = await controlPlane.orchestratorToken({ audience });
  const client = Deno.createHttpClient({ caCerts: [pki.caPem] });
  try {
    const response = await fetch(`https://127.0.0.1:${port}/execute`, {
      client,
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ payload: encodeBase64(payload), bundle }),
      ...(signal ? { signal } : {}),
    });
    return { status: response.status, body: await response.json() };
  } finally {
    client.close();
  }
}

/** Like `push`, for a package that must be taken in; resolves with the execution's id. */
export async function pushAccepted(
  ground: Ground,
  port: number,
  payload: Uint8Array,
  bundle: unknown,
): Promise<string> {
  const { status, body } = await push(ground, port, payload, bundle);
  if (status === 202) return body["executionId"] as string;
  throw new Error(`POST /execute answered ${status}: ${JSON.stringify(body)}`);
}

/** As the Orchestrator reaches a cluster behind NAT: over GET /commands. */
export function sendCommand({ controlPlane }: Ground, payload: Uint8Array, bundle: unknown): void {
  controlPlane.enqueueCommand({
    type: "execute",
    data: { payload: encodeBase64(payload), bundle },
  });
}

/** The first receipt of this state; its signature was checked when it came. */
export async function untilReceipt(
  { controlPlane }: Ground,
  id: string,
  ...states: ExecutionState[]
): Promise<ReceiptPayload> {
  const find = () =>
    controlPlane.receipts.find(({ payload }) =>
      payload.executionId === id && states.includes(payload.state)
    );
  const what = `a receipt of ${id} for ${states.join(" or ")}`;
  await within(LIMIT_MS, what, controlPlane.until(() => find() !== undefined));
  return find()!.payload;
}
