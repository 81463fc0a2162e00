/** One work package's life on this cluster: its record, its states and the moves between them. */
import type { ErrorCode } from "../errors.ts";
import type { Approval } from "./approval.ts";
import type { KubeObject, ObjectRef } from "./kubernetes_object.ts";
import type { Plan } from "./plan.ts";
import type { ExecutionState } from "./protocol.ts";
import type { SignerName } from "./verification/threshold.ts";
import type { Risk } from "./work_package.ts";

export type ExecutionSource = "push" | "channel";
/** A Sigstore bundle in its JSON form, as it came. */
export type SignatureBundle = Readonly<Record<string, unknown>>;

/** An object as it was before we touched it; null when it was not there. Durable before the change. */
export interface Preimage {
  readonly ref: ObjectRef;
  readonly before: KubeObject | null;
}

/** What came in, kept beside the record to be verified again before anything is applied. */
export interface PackageMaterial {
  /** Base64 of the exact bytes. */
  readonly payload: string;
  readonly bundles: readonly SignatureBundle[];
}

export interface ExecutionRecord {
  readonly id: string;
  /** `sha256:<hex>` of the exact bytes. */
  readonly digest: string;
  /** Canonical digest of the bundles that came with them. */
  readonly bundlesDigest: string;
  readonly state: ExecutionState;
  readonly code: ErrorCode | null;
  readonly reason: string;
  /** When the state was reached, epoch ms. */
  readonly sinceMs: number;
  readonly receivedAtMs: number;
  readonly source: ExecutionSource;
  readonly name: string;
  readonly stream: string;
  readonly sequence: number;
  readonly risk: Risk;
  readonly expiresAtMs: number;
  /** Why it was asked for, in the signer's words. */
  readonly purpose: string;
  /** Each once, however many names and bundles it came with. */
  readonly signers: readonly SignerName[];
  /** The cluster that it was accepted for. */
  readonly clusterId: string;
  readonly plan: Plan | null;
  readonly approvals: readonly Approval[];
  /** Canonical digest of the preimages; null before there are any, and when nobody goes back to them. */
  readonly preimagesDigest: string | null;
  /** How many changes of the plan are known to be done. */
  readonly applied: number;
  /** The record that announced this state, in the log of this origin. */
  readonly auditSequence: number | null;
  readonly auditLog: string;
  /** Key of the receipt of its end, once the control plane has it. */
  readonly receipted: string | null;
  /** Base64 signature over the rest; see execution_seal.ts. */
  readonly seal: string;
  /** Optimistic lock: a write must name the version that it replaces. */
  readonly version: string;
}

const MOVES: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  accepted: ["pending_approval", "approved", "refused", "expired", "superseded"],
  // To itself: one of several persons has approved, or the approvals of some have lapsed.
  pending_approval: ["pending_approval", "approved", "expired", "cancelled", "superseded"],
  // Back to pending_approval: the policy has come to want a person's word since.
  // To itself: it waits for a window of the policy.
  approved: [
    "approved",
    "applying",
    "pending_approval",
    "refused",
    "expired",
    "superseded",
    "plan_changed",
  ],
  // plan_changed: before the first write. superseded: after the last, in place of the wait for health.
  applying: ["succeeded", "failed", "rolling_back", "superseded", "plan_changed"],
  rolling_back: ["rolled_back", "rollback_failed"],
  // A refused package may be sent again: the reason may have passed (clock, policy, target).
  refused: ["accepted"],
  succeeded: [],
  failed: [],
  rolled_back: [],
  rollback_failed: [],
  expired: [],
  cancelled: [],
  superseded: [],
  plan_changed: [],
};

/** Nothing has been written to the cluster yet. */
const NOT_BEGUN: readonly ExecutionState[] = ["accepted", "pending_approval", "approved"];
/** Ends after which nobody goes back to the preimages, which may hold secrets. */
const DONE_WITH_PREIMAGES: readonly ExecutionState[] = [
  "succeeded",
  "rolled_back",
  "superseded",
  "plan_changed",
];
/** A reason may quote a peer or a package; audit records and receipts are bounded. */
const MAX_REASON = 2000;

/** The states that may come after this one. */
export function nextStates(state: ExecutionState): readonly ExecutionState[] {
  return MOVES[state];
}

export function isOpen(state: ExecutionState): boolean {
  return state !== "refused" && MOVES[state].length > 0;
}

/** Whether the package took its place in its stream: everything but a refusal did. */
export function wasAccepted(state: ExecutionState): boolean {
  return state !== "refused";
}

export function hasBegun(state: ExecutionState): boolean {
  return !NOT_BEGUN.includes(state);
}

export type RecordChange = Partial<
  Pick<ExecutionRecord, "code" | "plan" | "approvals" | "preimagesDigest" | "applied" | "receipted">
>;

/** The record in its next state. Throws TypeError on a move that the machine does not know. */
export function moveTo(
  record: ExecutionRecord,
  state: ExecutionState,
  reason: string,
  nowMs: number,
  change: RecordChange = {},
): ExecutionRecord {
  if (!MOVES[record.state].includes(state)) {
    throw new TypeError(`execution ${record.id} cannot move from ${record.state} to ${state}`);
  }
  const changes = record.plan?.entries.length ?? 0;
  if (record.state === "applying" && state === "superseded" && record.applied < changes) {
    throw new TypeError(`execution ${record.id} is superseded with only ${record.applied} changes`);
  }
  const moved = { ...record, code: null, ...change, state, reason: clip(reason), sinceMs: nowMs };
  return DONE_WITH_PREIMAGES.includes(state) ? { ...moved, preimagesDigest: null } : moved;
}

export function clip(reason: string): string {
  const text = reason.toWellFormed();
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON).toWellFormed()}…` : text;
}

/** Who signed, in one line. */
export function joinSigners(signers: readonly SignerName[]): string {
  return signers.map(({ name }) => name).join(", ");
}

/** `wpx-` and the first 128 bits of the digest: a valid Kubernetes name, the same everywhere. */
export function executionId(digest: string): string {
  return `wpx-${digest.replace(/^sha256:/, "").slice(0, 32)}`;
}

/** Oldest first; of one millisecond, by id. */
export function byArrival(
  a: Pick<ExecutionRecord, "id" | "receivedAtMs">,
  b: Pick<ExecutionRecord, "id" | "receivedAtMs">,
): number {
  return a.receivedAtMs - b.receivedAtMs || (a.id < b.id ? -1 : Number(a.id > b.id));
}

export function isExecutionId(text: string): boolean {
  return /^wpx-[0-9a-f]{32}$/.test(text);
}
