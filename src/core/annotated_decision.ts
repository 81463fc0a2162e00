/**
 * What a person says to a plan by annotating its execution with kubectl. The annotations alone prove nothing:
 * they count where the API server lets nobody write another's name (docs/examples/approval-policy.yaml).
 */
import * as z from "zod";
import { InvalidInputError } from "../errors.ts";

export const DECISION = {
  /** Digest of the plan. */
  approve: "neuralops.io/approve",
  /** Why not. */
  reject: "neuralops.io/reject",
  /** Whoever writes it, as the API server knows them. */
  approveAs: "neuralops.io/approve-as",
} as const;
/** What became of the last decision, in its place. */
export const ANSWER = "neuralops.io/approval-answer";

const MAX_USER = 253;
const MAX_REASON = 1000;
const HINT = `annotate ${DECISION.approve}=<plan digest> or ${DECISION.reject}=<reason>, and ` +
  `${DECISION.approveAs}=<your user name>`;

/** As it stands on the object; whoever wrote it may have written anything. */
export interface AnnotatedDecision {
  readonly executionId: string;
  /** Those of `DECISION` that are there: one at least. */
  readonly annotations: Readonly<Record<string, string>>;
  /** When the API server took them, epoch ms; null when the object does not say. */
  readonly atMs: number | null;
}

export type SaidDecision =
  | { readonly user: string; readonly atMs: number; readonly planDigest: string }
  | { readonly user: string; readonly atMs: number; readonly reason: string };

const Metadata = z.object({
  name: z.string(),
  annotations: z.record(z.string(), z.string()).default({}),
  managedFields: z.array(z.object({
    time: z.iso.datetime().optional(),
    fieldsV1: z.object({
      "f:metadata": z.object({
        "f:annotations": z.record(z.string(), z.unknown()).default({}),
      }).default({ "f:annotations": {} }),
    }).default({ "f:metadata": { "f:annotations": {} } }),
  })).default([]),
});

/** @returns null where there is none, or the metadata cannot be read */
export function findDecision(metadata: unknown): AnnotatedDecision | null {
  const parsed = Metadata.safeParse(metadata);
  if (!parsed.success) return null;
  const { name, annotations, managedFields } = parsed.data;
  const found = Object.values(DECISION).filter((key) => Object.hasOwn(annotations, key));
  if (found.length === 0) return null;
  const times = managedFields
    .filter(({ fieldsV1 }) =>
      found.some((key) => Object.hasOwn(fieldsV1["f:metadata"]["f:annotations"], `f:${key}`))
    )
    .map(({ time }) => Date.parse(time ?? ""))
    .filter((ms) => !Number.isNaN(ms));
  return {
    executionId: name,
    annotations: Object.fromEntries(found.map((key) => [key, annotations[key]!])),
    atMs: times.length > 0 ? Math.max(...times) : null,
  };
}

/** Throws InvalidInputError `malformed_approval`. */
export function parseDecision({ annotations, atMs }: AnnotatedDecision): SaidDecision {
  const {
    [DECISION.approve]: planDigest,
    [DECISION.reject]: reason,
    [DECISION.approveAs]: user,
  } = annotations;
  if (user === undefined || user.length === 0 || user.length > MAX_USER) {
    throw malformed(`${DECISION.approveAs} must name a user, in at most ${MAX_USER} characters`);
  }
  if ((planDigest === undefined) === (reason === undefined)) {
    throw malformed(`one of ${DECISION.approve} and ${DECISION.reject} is needed, and not both`);
  }
  if (atMs === null) throw malformed("metadata.managedFields does not say when it was written");
  if (reason === undefined) return { user, atMs, planDigest: planDigest! };
  if (reason.length <= MAX_REASON) return { user, atMs, reason };
  throw malformed(`${DECISION.reject} must have at most ${MAX_REASON} characters`);
}

function malformed(problem: string): InvalidInputError {
  return new InvalidInputError("malformed_approval", `The annotation is no decision: ${problem}`, {
    hint: HINT,
  });
}
