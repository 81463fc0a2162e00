/** Whether a call comes from the Orchestrator: its JWT, for this cluster, no older than five minutes. */
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { RefusedError, TransientError } from "../errors.ts";
import type { ClusterIdentity } from "../core/session.ts";
import type { Clock } from "../runtime.ts";

/** Asymmetric only: with a shared secret anyone who may verify could also sign. */
const ALGORITHMS = ["EdDSA", "ES256"];
const MAX_AGE_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 30;
/** Imported once for each registration, not for each request. */
const keySets = new WeakMap<ClusterIdentity, ReturnType<typeof createLocalJWKSet>>();

/** Throws RefusedError `unauthenticated`, or TransientError before the first registration. */
export async function checkOrchestrator(
  request: Request,
  identity: ClusterIdentity | null,
  clock: Clock,
): Promise<void> {
  if (!identity) {
    throw new TransientError("unavailable", "This cluster has not been registered yet");
  }
  const token = /^Bearer +([\w.-]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!token) {
    throw new RefusedError("unauthenticated", "There is no bearer token in the request", {
      hint: "send the Orchestrator's JWT in the Authorization header",
    });
  }
  try {
    const { payload } = await jwtVerify(
      token,
      keySetOf(identity),
      {
        algorithms: ALGORITHMS,
        audience: identity.clusterId,
        issuer: identity.orchestrator.issuer,
        requiredClaims: ["exp", "iat"],
        maxTokenAge: MAX_AGE_SECONDS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(clock.now()),
      },
    );
    if (payload.exp! - payload.iat! > MAX_AGE_SECONDS) {
      throw new RefusedError(
        "unauthenticated",
        `The token lives ${payload.exp! - payload.iat!} s, at most ${MAX_AGE_SECONDS} are allowed`,
      );
    }
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    const why = error instanceof errors.JOSEError ? error.message : "it cannot be read";
    throw new RefusedError("unauthenticated", `The token is refused: ${why}`, { cause: error });
  }
}

function keySetOf(identity: ClusterIdentity): ReturnType<typeof createLocalJWKSet> {
  const known = keySets.get(identity);
  if (known) return known;
  const keySet = createLocalJWKSet(identity.orchestrator.jwks as unknown as JSONWebKeySet);
  keySets.set(identity, keySet);
  return keySet;
}
