/** One work package's life on this cluster: its record, its states and the moves between them. */
import type { ErrorCode } from "../errors.ts";
import type { Approval } from "./approval.ts";
import type { KubeObject, ObjectRef } from "./kubernetes_object.ts";
import type { Plan } from "./plan.ts";
import type { ExecutionState } from "./protocol.ts";
import type { Risk } from "./work_package.ts";

export type ExecutionSource = "push" | "channel";

/** An object as it was before we touched it; null when it was not there. Durable before the change. */
export interface Preimage {
  readonly ref: ObjectRef;
  readonly before: KubeObject | null;
}

/** What it takes to carry a package out, and to take it back. */
export interface ExecutionMaterial {
  /** Base64 of the exact bytes, kept with their bundle to be verified again before anything is applied. */
  readonly payload: string;
  readonly bundle: Readonly<Record<string, unknown>>;
  readonly preimages: readonly Preimage[];
}

export interface ExecutionRecord {
  readonly id: string;
  /** `sha256:<hex>` of the exact bytes. */
  readonly digest: string;
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
  readonly signer: string;
  /** The cluster that it was accepted for. */
  readonly clusterId: string;
  readonly plan: Plan | null;
  readonly approvals: readonly Approval[];
  /** null once it has ended: nobody needs it in memory any more. The journal keeps it. */
  readonly material: ExecutionMaterial | null;
  /** How many changes of the plan are known to be done. */
  readonly applied: number;
  readonly auditSequence: number | null;
  /** Base64 signature over the rest; see execution_seal.ts. */
  readonly seal: string;
  /** Optimistic lock: a write must name the version that it replaces. */
  readonly version: string;
}

const MOVES: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  accepted: ["pending_approval", "approved", "refused", "expired", "cancelled", "superseded"],
  // To itself: one of several persons has approved, or the approvals of some have lapsed.
  pending_approval: [
    "pending_approval",
    "approved",
    "refused",
    "expired",
    "cancelled",
    "superseded",
    "plan_changed",
  ],
  // Back to pending_approval: the policy has come to want a person's word since.
  // To itself: it waits for a window of the policy.
  approved: [
    "approved",
    "applying",
    "pending_approval",
    "refused",
    "expired",
    "cancelled",
    "superseded",
    "plan_changed",
  ],
  applying: ["succeeded", "failed", "rolling_back"],
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
const SETTLED: readonly ExecutionState[] = ["succeeded", "rolled_back"];
/** A reason may quote a peer or a package; audit records and receipts are bounded. */
const MAX_REASON = 2000;

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

/** Throws TypeError for an execution that has ended. */
export function materialOf(record: ExecutionRecord): ExecutionMaterial {
  if (record.material) return record.material;
  throw new TypeError(`execution ${record.id} is ${record.state}: its material is not in memory`);
}

export type RecordChange = Partial<
  Pick<ExecutionRecord, "code" | "plan" | "approvals" | "material" | "applied">
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
  const moved = { ...record, code: null, ...change, state, reason: clip(reason), sinceMs: nowMs };
  return SETTLED.includes(state) && moved.material
    ? { ...moved, material: { ...moved.material, preimages: [] } }
    : moved;
}

export function clip(reason: string): string {
  const text = reason.toWellFormed();
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON).toWellFormed()}…` : text;
}

/** `wpx-` and the first 128 bits of the digest: a valid Kubernetes name, the same everywhere. */
export function executionId(digest: string): string {
  return `wpx-${digest.replace(/^sha256:/, "").slice(0, 32)}`;
}
