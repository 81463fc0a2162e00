/** The journal in a cluster, on an embedded API server that has its definition. */
import { parse } from "yaml";
import { KubernetesJournal } from "../../src/adapters/kubernetes/journal/journal.ts";
import { SharedKey } from "../../src/adapters/kubernetes/journal/shared_key.ts";
import {
  DEFINITION,
  type JournalApi,
  JournalStore,
} from "../../src/adapters/kubernetes/journal/store.ts";
import { canonicalDigest } from "../../src/core/canonical_json.ts";
import { encodeBase64, encodeUtf8 } from "../../src/core/encoding.ts";
import { sealRecord } from "../../src/core/execution_seal.ts";
import type { ExecutionRecord, PackageMaterial } from "../../src/core/execution.ts";
import type { JournalKey } from "../../src/core/journal_key.ts";
import { receiptKey } from "../../src/core/receipt.ts";
import { type KubeObject, objectAt } from "../../src/embedded/kubernetes/json.ts";
import type { EmbeddedKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { alwaysLeader, type Leadership } from "../../src/execution/leadership.ts";
import { withinTerm } from "../../src/execution/fenced_cluster.ts";
import { nameBytes } from "../../src/execution/stages.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

export const NAMESPACE = "neuralops";
export const KEY_SECRET = "neuralops-journal-key";

/** Resolves once the server serves executions. */
export async function installDefinition(
  kubernetes: EmbeddedKubernetes,
  namespace = NAMESPACE,
): Promise<void> {
  const definition = parse(await Deno.readTextFile(DEFINITION)) as KubeObject;
  kubernetes.store.put(definition, "kubectl");
  kubernetes.store.put(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    "kubectl",
  );
  const isServed = () => {
    const { apiVersion, kind, metadata: { name } } = definition;
    return objectAt(kubernetes.store.get(apiVersion, kind, "", name)!, "status")?.["conditions"];
  };
  while (!isServed()) await new Promise((resolve) => setTimeout(resolve, 1));
}

export interface OpenedFake {
  readonly journal: KubernetesJournal;
  readonly key: SharedKey;
}

export function journalOn(
  api: JournalApi,
  { identity = "a_1", leadership = alwaysLeader, namespace = NAMESPACE }: {
    identity?: string;
    leadership?: Leadership;
    namespace?: string;
  } = {},
): OpenedFake {
  const store = new JournalStore(api, {
    namespace,
    within: (write) => withinTerm(leadership, write),
  });
  const key = new SharedKey(store, KEY_SECRET, "plan-mask");
  const { random } = systemRuntime();
  return { journal: new KubernetesJournal({ store, key, identity, random }), key };
}

export const PACK: PackageMaterial = {
  payload: encodeBase64(encodeUtf8("apiVersion: neuralops.io/v1")),
  bundles: [{ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json" }],
};

/** An accepted execution, sealed; each sequence is a package of its own. */
export async function sealedRecord(
  key: JournalKey,
  change: Partial<ExecutionRecord> = {},
): Promise<ExecutionRecord> {
  const sequence = change.sequence ?? 1;
  const { id, digest } = nameBytes(encodeUtf8(`package ${change.stream ?? "shop"} ${sequence}`));
  const record: ExecutionRecord = {
    id,
    digest,
    bundlesDigest: canonicalDigest(PACK.bundles),
    state: "accepted",
    code: null,
    reason: "signature, target, validity, sequence and policy hold",
    sinceMs: 1_790_000_000_000,
    receivedAtMs: 1_790_000_000_000 + sequence,
    source: "push",
    name: "configure",
    stream: "shop",
    sequence,
    risk: "low",
    expiresAtMs: 1_790_000_600_000,
    purpose: "INC-2231",
    signers: [{ name: "release", identity: "sha256:00" }],
    clusterId: "c-test",
    plan: null,
    approvals: [],
    preimagesDigest: null,
    applied: 0,
    auditSequence: 7,
    auditLog: "connector.test/1",
    receipted: null,
    seal: "",
    version: "",
    ...change,
  };
  return await sealRecord(record, key);
}

/** The same execution at its end, with its receipt delivered. */
export async function settledFrom(
  record: ExecutionRecord,
  key: JournalKey,
): Promise<ExecutionRecord> {
  const ended = { ...record, state: "succeeded", reason: "as asked for" } as const;
  return await sealRecord({ ...ended, receipted: receiptKey(ended) }, key);
}
