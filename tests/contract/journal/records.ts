/** Records as the book writes them, and what belongs to them. */
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { sealRecord } from "../../../src/core/execution_seal.ts";
import type { ExecutionRecord, PackageMaterial, Preimage } from "../../../src/core/execution.ts";
import type { KubeObject } from "../../../src/core/kubernetes_object.ts";
import { receiptKey } from "../../../src/core/receipt.ts";
import { digestOf } from "../../../src/execution/journal_proof.ts";
import { nameBytes } from "../../../src/execution/stages.ts";
import type { JournalTarget } from "./target.ts";

export const NOW_MS = Date.UTC(2026, 10, 24, 12);
const HOUR_MS = 3_600_000;

export function pack(text: string): PackageMaterial {
  return {
    payload: encodeBase64(encodeUtf8(text)),
    bundles: [{ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", of: text }],
  };
}

export function recordOf(
  material: PackageMaterial,
  change: Partial<ExecutionRecord> = {},
): ExecutionRecord {
  return {
    ...nameBytes(Uint8Array.fromBase64(material.payload)),
    bundlesDigest: digestOf(material.bundles),
    state: "accepted",
    code: null,
    reason: "signature, target, validity, sequence and policy hold",
    sinceMs: NOW_MS,
    receivedAtMs: NOW_MS,
    source: "push",
    name: "restart-checkout",
    stream: "incidents",
    sequence: 1,
    risk: "low",
    expiresAtMs: NOW_MS + HOUR_MS,
    purpose: "p99 “latency”, INC-2231 \u{1f525}",
    signer: "release",
    clusterId: "c-test",
    plan: null,
    approvals: [],
    preimagesDigest: null,
    applied: 0,
    auditSequence: 1,
    auditLog: "neuralops.io/audit/test",
    receipted: null,
    seal: "",
    version: "",
    ...change,
  };
}

export function settled(record: ExecutionRecord): ExecutionRecord {
  const ended = record.state === "accepted" ? { ...record, state: "succeeded" as const } : record;
  return { ...ended, receipted: receiptKey(ended) };
}

/** Writes a new record and its package; returns it as stored. */
export async function create(
  { journal, key }: Pick<JournalTarget, "journal" | "key">,
  text: string,
  change: Partial<ExecutionRecord> = {},
): Promise<ExecutionRecord> {
  const material = pack(text);
  const stored = await journal.create(await sealRecord(recordOf(material, change), key), material);
  if (!stored) throw new Error(`${text} is there already`);
  return stored;
}

/** Writes a record that has ended, and whose receipt is delivered. */
export async function createSettled(
  target: Pick<JournalTarget, "journal" | "key">,
  text: string,
  change: Partial<ExecutionRecord> = {},
): Promise<ExecutionRecord> {
  const { state = "succeeded", ...rest } = change;
  const first = state === "refused" ? state : "accepted";
  const stored = await create(target, text, { ...rest, state: first });
  return await target.journal.replace(
    await sealRecord(settled({ ...stored, state }), target.key),
  );
}

export function preimagesOf(count: number, bytesEach: number): Preimage[] {
  return Array.from({ length: count }, (_, index) => {
    const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: `c-${index}` };
    if (index % 10 === 9) return { ref, before: null };
    const metadata = { name: ref.name, namespace: "shop", labels: { "é": "\u2028" } };
    const before = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { k: "x".repeat(bytesEach) },
    };
    return { ref, before: before as unknown as KubeObject };
  });
}

/** Without what the store counts. */
export function contentOf(record: ExecutionRecord | null): unknown {
  if (!record) return null;
  const { version: _version, ...content } = record;
  return content;
}
