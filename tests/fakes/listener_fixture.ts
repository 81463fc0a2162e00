/** The TLS listener's handler on a real intake, and the Orchestrator's tokens for it. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { ApproverEntry } from "../../src/core/approver.ts";
import { encodeBase64 } from "../../src/core/encoding.ts";
import type { Liveness } from "../../src/core/liveness.ts";
import type { ClusterIdentity } from "../../src/core/session.ts";
import { alwaysLeader, type Leadership } from "../../src/execution/leadership.ts";
import { createListener } from "../../src/http/listener.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import type { Clock } from "../../src/runtime.ts";
import { CLUSTER_ID, type Ground, layGround, Stand } from "./execution_stand.ts";

export const ISSUER = "https://orchestrator.example";
export const orchestratorKey = await generateKeyPair("ES256");
const jwk = { ...await exportJWK(orchestratorKey.publicKey), kid: "o-1", alg: "ES256", use: "sig" };

export const IDENTITY: ClusterIdentity = {
  clusterId: CLUSTER_ID,
  orchestrator: { issuer: ISSUER, jwks: { keys: [jwk] } },
};

export interface TokenParts {
  readonly key?: Parameters<SignJWT["sign"]>[0];
  readonly alg?: string;
  readonly kid?: string;
  /** Laid over the claims of a good token; undefined takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A good token, one minute old and good for four more, unless told otherwise. */
export async function tokenAt(nowMs: number, parts: TokenParts = {}): Promise<string> {
  const seconds = Math.floor(nowMs / 1000);
  const claims = {
    iss: ISSUER,
    aud: CLUSTER_ID,
    iat: seconds - 60,
    exp: seconds + 240,
    ...parts.claims,
  };
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: parts.alg ?? "ES256", kid: parts.kid ?? "o-1" })
    .sign(parts.key ?? orchestratorKey.privateKey);
}

export interface ListenerFixture {
  readonly ground: Ground;
  readonly stand: Stand;
  readonly lines: readonly string[];
  readonly handle: (request: Request) => Promise<Response>;
  token(): Promise<string>;
  /** An authorized request. */
  call(method: string, path: string, body?: BodyInit): Promise<Response>;
  push(payload: Uint8Array, bundle?: unknown): Promise<Response>;
}

export async function withListener(
  work: (fixture: ListenerFixture) => Promise<void>,
  options: {
    identity?: ClusterIdentity | null;
    clock?: Clock;
    leadership?: Leadership;
    approvers?: readonly ApproverEntry[];
    liveness?: Liveness;
  } = {},
): Promise<void> {
  const ground = await layGround();
  const leadership = options.leadership ?? alwaysLeader;
  const stand = await Stand.open(ground, { leadership, approvers: options.approvers ?? [] });
  const clock = options.clock ?? ground.runtime.clock;
  const lines: string[] = [];
  const handle = createListener({
    intake: stand.intake,
    book: stand.book,
    approvals: stand.approvals,
    identity: () => options.identity === undefined ? IDENTITY : options.identity,
    leadership,
    health: stand.health,
    liveness: options.liveness ?? (() => Promise.resolve(null)),
    metrics: stand.metrics,
    clock,
    log: new JsonLogger(clock, (line) => lines.push(line), "debug", new SecretMask()),
  });
  const token = () => tokenAt(clock.now());
  const call = async (method: string, path: string, body?: BodyInit) =>
    await handle(
      new Request(`https://connector${path}`, {
        method,
        headers: { authorization: `Bearer ${await token()}` },
        ...(body === undefined ? {} : { body }),
      }),
    );
  const push = async (payload: Uint8Array, bundle: unknown = ground.signer.sign(payload)) =>
    await call("POST", "/execute", JSON.stringify({ payload: encodeBase64(payload), bundle }));
  try {
    await work({ ground, stand, lines, handle, token, call, push });
  } finally {
    await stand.kill();
    await ground.close();
  }
}
