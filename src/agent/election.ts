/** Stands for election over a Lease, where the configuration asks for one. */
import { KubernetesLease } from "../adapters/kubernetes/lease.ts";
import { chainIdOf } from "../core/audit/chain.ts";
import type { ConnectorJwk } from "../core/connector_key.ts";
import { encodeHex } from "../core/encoding.ts";
import { LeaderElection } from "../loops/leadership.ts";
import type { Foundation } from "./foundation.ts";
import type { KubernetesSide } from "./kubernetes.ts";

const KEY_ID_DIGITS = 8;

/** null where this process stands for the cluster alone. */
export function standForElection(
  foundation: Foundation,
  kubernetes: KubernetesSide | null,
): LeaderElection | null {
  const { config, runtime, audit, log, health } = foundation;
  const asked = config.kubernetes.mode === "none" ? undefined : config.kubernetes.leaderElection;
  if (!asked || !kubernetes) return null;
  const { clock, random } = runtime;
  return new LeaderElection({
    store: new KubernetesLease(kubernetes.api, clock, asked, chainIdOf(foundation.key.publicKey)),
    identity: identityOf(foundation),
    times: {
      leaseDurationMs: asked.leaseDuration,
      renewDeadlineMs: asked.renewDeadline,
      retryPeriodMs: asked.retryPeriod,
    },
    audit,
    clock,
    random,
    logger: log,
    health,
  });
}

/** What stands in the Lease, and in the journal that the agents of a cluster share. */
export function identityOf({ config: { kubernetes }, hostname, key }: Foundation): string {
  const asked = kubernetes.mode === "none" ? undefined : kubernetes.leaderElection;
  return asked?.identity ?? defaultIdentity(hostname, key.jwk);
}

/**
 * Unique, as the key's state directory is locked; and the same after a restart, so that the Lease that a
 * crash left behind is its own. In hex, so that the only `_` is the one between the two parts.
 */
export function defaultIdentity(hostname: string, { kid }: ConnectorJwk): string {
  const thumbprint = Uint8Array.fromBase64(kid, { alphabet: "base64url" });
  return `${hostname}_${encodeHex(thumbprint).slice(0, KEY_ID_DIGITS)}`;
}
