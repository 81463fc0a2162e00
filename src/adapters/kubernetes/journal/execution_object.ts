/**
 * An execution record as the object that people read with kubectl, and back. `verbatim` is the record;
 * everything else in the object is a view of it, and must be exactly that when it is read again. To change
 * the view makes the objects of earlier versions unreadable: keep it, or give it a version.
 */
import * as z from "zod";
import { formatApprover } from "../../../core/approval.ts";
import { canonicalJson } from "../../../core/canonical_json.ts";
import { sha256Hex } from "../../../core/encoding.ts";
import { type ExecutionRecord, joinSigners } from "../../../core/execution.ts";
import { formatRef, type Json, type JsonObject } from "../../../core/kubernetes_object.ts";
import type { Plan, PlanEntry } from "../../../core/plan.ts";
import { isSettled } from "../../../core/receipt.ts";
import { API_VERSION, damaged, KIND, LABELS } from "./store.ts";

/** Times for those who read metadata only, epoch ms. */
export const TIMES = {
  received: "neuralops.io/received-ms",
  since: "neuralops.io/since-ms",
  expires: "neuralops.io/expires-ms",
} as const;

/** Who wrote it, and in which of its terms; what it is sealed with. Not part of the record. */
export interface Claim {
  readonly leader: string;
  readonly term: string;
  readonly sealedBy: string;
}

export interface StoredExecution {
  readonly record: ExecutionRecord;
  readonly uid: string;
  readonly claim: Claim;
}

/** A larger plan is kept beside the object; see ChunkedSecrets. */
const MAX_INLINE_PLAN = 256 * 1024;
const MAX_LABEL = 63;
const MAX_CHANGES = 50;
const MAX_VALUE = 120;

const Stored = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string().min(1),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  leader: z.string().default(""),
  term: z.string().default(""),
  sealedBy: z.string().default(""),
  spec: z.unknown(),
  status: z.unknown(),
  verbatim: z.string(),
});
const Record = z.looseObject({
  id: z.string(),
  seal: z.string(),
  plan: z.looseObject({ digest: z.string() }).nullable(),
});

/** The plan that does not fit into the object, with its name among the chunks; null when it fits. */
export function largePlanOf({ plan }: ExecutionRecord): { key: string; plan: Plan } | null {
  if (!plan || canonicalJson(plan).length <= MAX_INLINE_PLAN) return null;
  return { key: planKey(plan), plan };
}

/** Names what came in among the chunks: the package's own digest, and that of its bundles. */
export function packageKey({ digest, bundlesDigest }: ExecutionRecord): string {
  return `${digest} ${bundlesDigest}`;
}

/** All but apiVersion, kind and name. `null` stands for what is to go from an object that has it. */
export function toObject(record: ExecutionRecord, claim: Claim): JsonObject {
  const { version: _version, ...sealed } = record;
  const large = largePlanOf(record);
  const plan = large ? { digest: large.plan.digest, keptAs: large.key } : sealed.plan;
  return { ...viewOf(record), ...claim, verbatim: canonicalJson({ ...sealed, plan }) };
}

/** As the API server takes it the first time. */
export function newObject(record: ExecutionRecord, claim: Claim): JsonObject {
  const object = toObject(record, claim);
  return {
    ...object,
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { ...object.metadata as JsonObject, name: record.id },
    status: withoutNulls(object.status as JsonObject),
  };
}

/**
 * @param loadPlan of one that did not fit into the object
 * Throws StalledError `state_damaged`.
 */
export async function fromObject(
  object: JsonObject,
  loadPlan: (id: string, key: string) => Promise<Plan>,
): Promise<StoredExecution> {
  const parsed = Stored.safeParse(object);
  const name = (object.metadata as JsonObject | undefined)?.name ?? "of no name";
  const what = `WorkPackageExecution ${name}`;
  if (!parsed.success) throw damaged(what, z.prettifyError(parsed.error), parsed.error);
  const { metadata, verbatim, leader, term, sealedBy } = parsed.data;
  const content = parseVerbatim(what, verbatim);
  if (content.id !== metadata.name) throw damaged(what, `its record is of ${content.id}`);
  const keptAs = content.plan?.keptAs;
  const plan = typeof keptAs === "string" ? await loadPlan(content.id, keptAs) : content.plan;
  const record = {
    ...content,
    plan,
    version: metadata.resourceVersion,
  } as unknown as ExecutionRecord;
  const difference = differenceOf(parsed.data as unknown as JsonObject, what, record);
  if (difference) {
    throw damaged(what, `${difference} is not what its record says`);
  }
  return { record, uid: metadata.uid, claim: { leader, term, sealedBy } };
}

function parseVerbatim(what: string, verbatim: string): z.infer<typeof Record> {
  try {
    const content = Record.parse(JSON.parse(verbatim));
    if (canonicalJson(content) !== verbatim) throw new TypeError("it is not in canonical form");
    return content;
  } catch (cause) {
    throw damaged(what, "its record (verbatim) cannot be read", cause);
  }
}

/** The first part of the object that is not as the record has it; null when all is. */
function differenceOf(object: JsonObject, what: string, record: ExecutionRecord): string | null {
  let view: JsonObject;
  try {
    view = viewOf(record);
  } catch (cause) {
    throw damaged(what, "its record is no execution", cause);
  }
  const { labels, annotations } = view.metadata as { labels: JsonObject; annotations: JsonObject };
  const metadata = object.metadata as { labels: JsonObject; annotations: JsonObject };
  for (const [key, value] of Object.entries(labels)) {
    if (metadata.labels[key] !== value) return `label ${key}`;
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (metadata.annotations[key] !== value) return `annotation ${key}`;
  }
  for (const part of ["spec", "status"]) {
    const wanted = withoutNulls(view[part] as JsonObject);
    const found = withoutNulls((object[part] ?? {}) as JsonObject);
    for (const field of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      const [a, b] = [wanted[field], found[field]];
      if (a === undefined || b === undefined || canonicalJson(a) !== canonicalJson(b)) {
        return `${part}.${field}`;
      }
    }
  }
  return null;
}

/** @returns the object without the fields that are null, as the API server stores it */
function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function viewOf(record: ExecutionRecord): JsonObject {
  return {
    metadata: {
      labels: {
        [LABELS.open]: String(!isSettled(record)),
        [LABELS.state]: record.state,
        [LABELS.stream]: streamLabel(record.stream),
        [LABELS.sequence]: String(record.sequence),
      },
      annotations: {
        [TIMES.received]: String(record.receivedAtMs),
        [TIMES.since]: String(record.sinceMs),
        [TIMES.expires]: String(record.expiresAtMs),
      },
    },
    spec: {
      digest: record.digest,
      name: record.name,
      stream: record.stream,
      sequence: record.sequence,
      risk: record.risk,
      signer: joinSigners(record.signers),
      purpose: record.purpose,
      source: record.source,
      clusterId: record.clusterId,
      receivedAt: iso(record.receivedAtMs),
      expiresAt: iso(record.expiresAtMs),
    },
    status: {
      state: record.state,
      since: iso(record.sinceMs),
      code: record.code,
      reason: record.reason,
      applied: record.applied,
      planDigest: record.plan?.digest ?? null,
      plan: record.plan?.entries.map(viewOfEntry) ?? null,
      approvals: record.approvals.map((approval) => ({
        approver: formatApprover(approval),
        at: iso(approval.atMs),
        planDigest: approval.planDigest,
      })),
    },
  };
}

function viewOfEntry({ action, verb, ref, changes, warnings }: PlanEntry): JsonObject {
  const shown = changes.slice(0, MAX_CHANGES)
    .map(({ path, from, to }) => `${clip(path)}: ${show(from)} → ${show(to)}`);
  const more = changes.length - shown.length;
  return {
    action,
    verb,
    object: formatRef(ref),
    changes: more > 0 ? [...shown, `and ${more} more`] : shown,
    warnings: warnings.map(clip),
  };
}

function show(value: Json | undefined): string {
  return value === undefined ? "none" : clip(JSON.stringify(value));
}

function clip(text: string): string {
  const whole = text.toWellFormed();
  return whole.length > MAX_VALUE ? `${whole.slice(0, MAX_VALUE).toWellFormed()}…` : whole;
}

/** The stream itself where it may be a label's value, else what a selector can find it by all the same. */
function streamLabel(stream: string): string {
  return stream.length <= MAX_LABEL ? stream : `sha256-${sha256Hex(stream).slice(0, 32)}`;
}

function planKey(plan: Plan): string {
  return `sha256:${sha256Hex(canonicalJson(plan))}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
