/**
 * `fill FOLDER COUNT` writes ended executions through the journal's port until there are COUNT;
 * `measure FOLDER` opens the book on them, lists them, and prints what that took.
 */
import { FileJournal } from "../../src/adapters/journal_file.ts";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { ReceiptFolder } from "../../src/adapters/receipt_folder.ts";
import { encodeBase64, sha256Hex } from "../../src/core/encoding.ts";
import { executionId, type ExecutionRecord } from "../../src/core/execution.ts";
import { sealRecord } from "../../src/core/execution_seal.ts";
import { sealPlan } from "../../src/core/plan.ts";
import { ExecutionBook } from "../../src/execution/book.ts";
import { ReceiptIssuer } from "../../src/execution/receipt_issuer.ts";
import { summarize } from "../../src/http/execution_view.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { deployment, workPackage } from "./work_packages.ts";

const [command, folder, count] = Deno.args;
const { files, clock } = systemRuntime();
await files.ensureDirectory(folder!);
const key = await loadOrCreateKey(files, folder!);
const journal = new FileJournal(files, `${folder}/executions`);
const receipts = new ReceiptIssuer(new ReceiptFolder(files, folder!), key);

if (command === "fill") await fill(Number(count));
else Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(await measure())));

async function fill(wanted: number): Promise<void> {
  const { length } = await files.list(`${folder}/executions`);
  await files.ensureDirectory(`${folder}/executions`);
  for (let sequence = length + 1; sequence <= wanted; sequence++) {
    const record = await sealRecord(ended(sequence), key);
    await journal.create(record);
    await receipts.issue(record);
  }
}

async function measure() {
  const book = new ExecutionBook({
    journal,
    audit: { record: () => Promise.reject(new Error("nothing is to be recorded")) },
    receipts,
    key,
    clock,
    log: new JsonLogger(clock, () => {}, "error", new SecretMask()),
    metrics: createMetrics(),
  });
  const startMs = performance.now();
  await book.open();
  const openMs = performance.now() - startMs;
  const openedMs = performance.now();
  JSON.stringify(book.list().map(summarize));
  return {
    openMs,
    listMs: performance.now() - openedMs,
    rssMiB: Deno.memoryUsage().rss / 2 ** 20,
  };
}

/** As the one Deployment of the other measurements leaves it. */
function ended(sequence: number): ExecutionRecord {
  const manifest = deployment({ namespace: "shop", name: "web" }, `package ${sequence}`);
  const bytes = workPackage({ clusterId: "c-bench", sequence, manifest });
  const digest = `sha256:${sha256Hex(bytes)}`;
  const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
  const nowMs = Date.now();
  const changes = [{
    path: "metadata.annotations.bench.neuralops.io/run",
    before: `package ${sequence - 1}`,
    after: `package ${sequence}`,
  }];
  const entry = { action: "apply", verb: "change", ref, uid: null, changes, warnings: [] } as const;
  return {
    id: executionId(digest),
    digest,
    state: "succeeded",
    code: null,
    reason: "1 objects are as asked for",
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
    plan: sealPlan(digest, [entry], nowMs),
    approvals: [],
    material: {
      payload: encodeBase64(bytes),
      bundle: { verificationMaterial: "x".repeat(600) },
      preimages: [{ ref, before: manifest }],
    },
    applied: 1,
    auditSequence: sequence,
    seal: "",
    version: "",
  };
}
