/**
 * `fill FOLDER COUNT` writes ended executions through the journal's port until there are COUNT;
 * `measure FOLDER` opens the book on them, lists them, and prints what that took.
 */
import { FileJournal } from "../../src/adapters/journal_file.ts";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { ReceiptFolder } from "../../src/adapters/receipt_folder.ts";
import { checkpointOrigin } from "../../src/core/audit/checkpoint.ts";
import { encodeBase64, sha256Hex } from "../../src/core/encoding.ts";
import { executionId, type ExecutionRecord } from "../../src/core/execution.ts";
import { sealRecord } from "../../src/core/execution_seal.ts";
import { sealPlan } from "../../src/core/plan.ts";
import { receiptKey } from "../../src/core/receipt.ts";
import { ExecutionBook } from "../../src/execution/book.ts";
import { digestOf } from "../../src/execution/journal_proof.ts";
import { ReceiptIssuer } from "../../src/execution/receipt_issuer.ts";
import { listExecutions } from "../../src/http/execution_list.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import type { Files } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { deployment, workPackage } from "./work_packages.ts";

/** Listed at every size, so that only the journal differs. */
const LISTED = "10";

const [command, folder, count] = Deno.args;
const { files: durable, clock } = systemRuntime();
/** Nobody needs this journal after a power cut, and 10,000 executions wait for the disk for minutes. */
const files: Files = {
  ...durable,
  async createExclusive(path, bytes) {
    await Deno.writeFile(path, bytes, { createNew: true });
    return true;
  },
  replaceDurably: (path, bytes) => Deno.writeFile(path, bytes),
  remove: (path) => Deno.remove(path),
};
await files.ensureDirectory(folder!);
const key = await loadOrCreateKey(durable, folder!);
const journal = new FileJournal(files, `${folder}/executions`, key);

if (command === "fill") await fill(Number(count));
else Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(await measure())));

async function fill(wanted: number): Promise<void> {
  await journal.open();
  let sequence = (await files.list(`${folder}/executions/ended`)).length;
  while (sequence < wanted) await write(++sequence);
}

/** Accepted, then ended with its receipt delivered; one Deployment, as in the other measurements. */
async function write(sequence: number): Promise<void> {
  const manifest = deployment({ namespace: "shop", name: "web" }, `package ${sequence}`);
  const bytes = workPackage({ clusterId: "c-bench", sequence, manifest });
  const pack = {
    payload: encodeBase64(bytes),
    bundles: [{ verificationMaterial: "x".repeat(600) }],
  };
  const accepted = acceptedRecord(`sha256:${sha256Hex(bytes)}`, sequence, digestOf(pack.bundles));
  const stored = await journal.create(await sealRecord(accepted, key), pack);
  const ended = { ...stored!, ...endOf(accepted, sequence) };
  const settled = { ...ended, receipted: receiptKey(ended) };
  await journal.replace(await sealRecord(settled, key));
}

async function measure() {
  const book = new ExecutionBook({
    journal,
    audit: { record: () => Promise.reject(new Error("nothing is to be recorded")) },
    auditLog: checkpointOrigin(key.publicKey),
    receipts: new ReceiptIssuer(new ReceiptFolder(files, folder!), key),
    key,
    clock,
    log: new JsonLogger(clock, () => {}, "error", new SecretMask()),
    metrics: createMetrics(),
  });
  const startMs = performance.now();
  await book.open();
  const openMs = performance.now() - startMs;
  const openedMs = performance.now();
  JSON.stringify(await listExecutions(book, { limit: LISTED }));
  return {
    openMs,
    listMs: performance.now() - openedMs,
    rssMiB: Deno.memoryUsage().rss / 2 ** 20,
  };
}

function acceptedRecord(digest: string, sequence: number, bundlesDigest: string): ExecutionRecord {
  const nowMs = clock.now();
  return {
    id: executionId(digest),
    digest,
    bundlesDigest,
    state: "accepted",
    code: null,
    reason: "signature, target, validity, sequence and policy hold",
    sinceMs: nowMs,
    receivedAtMs: nowMs,
    source: "push",
    name: `bench-${sequence}`,
    stream: "bench",
    sequence,
    risk: "low",
    expiresAtMs: nowMs + 3_600_000,
    purpose: "deno task bench:execute",
    signer: "release",
    clusterId: "c-bench",
    plan: null,
    approvals: [],
    preimagesDigest: null,
    applied: 0,
    auditSequence: sequence,
    auditLog: checkpointOrigin(key.publicKey),
    receipted: null,
    seal: "",
    version: "",
  };
}

function endOf({ digest }: ExecutionRecord, sequence: number) {
  const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
  const changes = [{
    path: "metadata.annotations.bench.neuralops.io/run",
    before: `package ${sequence - 1}`,
    after: `package ${sequence}`,
  }];
  const entry = { action: "apply", verb: "change", ref, uid: null, changes, warnings: [] } as const;
  return {
    state: "succeeded",
    reason: "1 objects are as asked for",
    plan: sealPlan(digest, [entry], clock.now()),
    applied: 1,
  } as const;
}
