/** What an election reads and writes of a `coordination.k8s.io/v1` Lease, field by field as client-go does. */

export interface LeaseRecord {
  /** "" when nobody holds it. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  /** MicroTime: RFC 3339 with six digits. For people and other programs; we never compute with either. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often it went from one holder to another. */
  readonly leaseTransitions: number;
}

/** A Lease that was made ahead of time, with an empty spec. */
export const UNCLAIMED: LeaseRecord = {
  holderIdentity: "",
  leaseDurationSeconds: 0,
  acquireTime: "",
  renewTime: "",
  leaseTransitions: 0,
};

/**
 * The record by which `identity` takes the Lease, or keeps it.
 * @param before null where there is no Lease yet
 */
export function takenBy(
  identity: string,
  before: LeaseRecord | null,
  leaseDurationMs: number,
  nowMs: number,
): LeaseRecord {
  const renewTime = microTime(nowMs, before?.renewTime);
  const isOurs = before?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    // Up, never down: others must not think that it has run out while we still count on it.
    leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
    acquireTime: isOurs && before.acquireTime ? before.acquireTime : renewTime,
    renewTime,
    leaseTransitions: before ? before.leaseTransitions + (isOurs ? 0 : 1) : 0,
  };
}

/** Nobody's, as client-go leaves it: the next one need not wait. */
export function released(before: LeaseRecord, nowMs: number): LeaseRecord {
  const renewTime = microTime(nowMs, before.renewTime);
  return {
    ...before,
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: renewTime,
    renewTime,
  };
}

/** Unlike `other`: the server stores nothing for a write that changes nothing, and nobody would see it. */
function microTime(nowMs: number, other: string | undefined): string {
  const text = new Date(nowMs).toISOString().replace("Z", "000Z");
  return text === other ? text.replace("000Z", "001Z") : text;
}
