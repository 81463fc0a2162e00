/** The execution side: intake, book, approvals and engine, all over one journal. */
import { ReceiptFolder } from "../adapters/receipt_folder.ts";
import type { LocalCluster } from "../core/admission.ts";
import { checkpointOrigin } from "../core/audit/checkpoint.ts";
import type { Policy } from "../core/policy.ts";
import { type BundleVerifier, createVerifier } from "../core/verification/verify.ts";
import { Approvals } from "../execution/approvals.ts";
import { ExecutionBook } from "../execution/book.ts";
import { Engine } from "../execution/engine.ts";
import { Intake } from "../execution/intake.ts";
import type { Journal } from "../execution/journal.ts";
import type { Leadership } from "../execution/leadership.ts";
import { ReceiptIssuer } from "../execution/receipt_issuer.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { chooseJournal } from "./journal.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import { readPolicy, readSigners } from "./read_files.ts";

export interface Execution {
  readonly book: ExecutionBook;
  /** See Keeping. */
  readonly isShared: boolean;
  readonly journal: Journal;
  readonly intake: Intake;
  readonly approvals: Approvals;
  readonly receipts: ReceiptFolder;
  readonly verifier: BundleVerifier;
  readonly policy: Policy;
  /** null where there is no cluster to change: no policy can be configured then, so nothing is allowed. */
  readonly engine: Engine | null;
}

export async function prepareExecution(
  foundation: Foundation,
  control: Control,
  kubernetes: KubernetesSide | null,
  leadership: Leadership,
): Promise<Execution> {
  const { config, runtime, audit, key, log, metrics, health } = foundation;
  const { files, clock, random } = runtime;
  const verifier = createVerifier(await readSigners(files, config.trust.signers));
  const policy = await readPolicy(files, config.execution.policyFile);
  const receipts = new ReceiptFolder(files, config.stateDir);
  const identity = (): LocalCluster | null => {
    const known = control.session.identity();
    return known && { clusterId: known.clusterId, labels: config.execution.labels };
  };
  const clusterId = () => identity()?.clusterId ?? "";
  const issuer = new ReceiptIssuer(receipts, key);
  const keeping = await chooseJournal(foundation, kubernetes, leadership);
  const { journal, key: journalKey } = keeping;
  const book = new ExecutionBook({
    journal,
    audit,
    receipts: issuer,
    key: journalKey,
    auditLog: checkpointOrigin(key.publicKey),
    clock,
    log,
    metrics,
  });
  const intake = new Intake({
    book,
    verifier,
    policy: () => policy,
    cluster: identity,
    leadership,
    audit,
    receipts: issuer,
    maxOpen: config.execution.maxOpen,
    clock,
    log,
    metrics,
  });
  const engine = kubernetes && new Engine({
    book,
    cluster: kubernetes.cluster,
    verifier,
    policy: () => policy,
    identity: () => ({ clusterId: clusterId(), labels: config.execution.labels }),
    fieldManager: config.execution.fieldManager,
    // Not known before a journal in the cluster is open, and another one after its key was replaced.
    get maskSalt() {
      return keeping.maskSalt();
    },
    leadership,
    key: journalKey,
    clock,
    random,
    log,
    health,
  });
  return {
    book,
    isShared: keeping.isShared,
    journal,
    intake,
    approvals: new Approvals(book, journalKey, clock, leadership),
    receipts,
    verifier,
    policy,
    engine,
  };
}
