/**
 * Leader election over a Lease, as client-go does it: a holder is believed for its lease duration,
 * counted on our own monotonic clock from when we last saw the Lease change, never by its timestamps.
 */
import type { V1LeaseSpec } from "@kubernetes/client-node";

export interface ElectionConfig {
  readonly identity: string;
  readonly leaseDurationMs: number;
}

/** Renewal is tried this often; leadership ends on our side well before others may take it. */
export function renewEveryMs({ leaseDurationMs }: ElectionConfig): number {
  return leaseDurationMs / 5;
}

export function trustForMs({ leaseDurationMs }: ElectionConfig): number {
  return leaseDurationMs * 2 / 3;
}

/** How we last saw the Lease. */
export interface Observation {
  readonly resourceVersion: string;
  readonly sinceMonotonicMs: number;
}

export function observe(
  previous: Observation | null,
  resourceVersion: string,
  monotonicMs: number,
): Observation {
  return previous?.resourceVersion === resourceVersion
    ? previous
    : { resourceVersion, sinceMonotonicMs: monotonicMs };
}

/** Whether we may write ourselves into the Lease: it is ours, free, or its holder went silent. */
export function mayTake(
  spec: LeaseFields,
  observation: Observation,
  config: ElectionConfig,
  monotonicMs: number,
): boolean {
  if (!spec.holderIdentity || spec.holderIdentity === config.identity) return true;
  const theirs = (spec.leaseDurationSeconds ?? config.leaseDurationMs / 1000) * 1000;
  return monotonicMs - observation.sinceMonotonicMs > Math.max(theirs, config.leaseDurationMs);
}

/** The fields of a Lease that election reads and writes; times are RFC 3339 texts with microseconds. */
export interface LeaseFields {
  readonly holderIdentity?: V1LeaseSpec["holderIdentity"];
  readonly leaseDurationSeconds?: V1LeaseSpec["leaseDurationSeconds"];
  readonly leaseTransitions?: V1LeaseSpec["leaseTransitions"];
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

export function takenBy(spec: LeaseFields, config: ElectionConfig, nowMs: number): LeaseFields {
  const now = new Date(nowMs).toISOString().replace("Z", "000Z");
  const isOurs = spec.holderIdentity === config.identity;
  return {
    holderIdentity: config.identity,
    leaseDurationSeconds: Math.ceil(config.leaseDurationMs / 1000),
    acquireTime: isOurs && spec.acquireTime ? spec.acquireTime : now,
    renewTime: now,
    leaseTransitions: (spec.leaseTransitions ?? 0) + (isOurs ? 0 : 1),
  };
}
