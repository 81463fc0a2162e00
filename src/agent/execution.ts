/** The execution side: intake, book, approvals and engine, all over one journal. */
import { StalledError } from "../errors.ts";
import { ReceiptFolder } from "../adapters/receipt_folder.ts";
import type { LocalCluster } from "../core/admission.ts";
import { checkpointOrigin } from "../core/audit/checkpoint.ts";
import { Approvers } from "../core/approver.ts";
import type { Policy } from "../core/policy.ts";
import { deferVerifier } from "../core/verification/deferred.ts";
import { requireSigners, type ThresholdVerifier } from "../core/verification/threshold.ts";
import { verifyOnce } from "../core/verification/verify_once.ts";
import { Approvals } from "../execution/approvals.ts";
import { Challenges } from "../execution/challenges.ts";
import { ExecutionBook } from "../execution/book.ts";
import { Engine } from "../execution/engine.ts";
import type { DecisionAnnotations } from "../execution/decision_annotations.ts";
import { noCluster, withHostFiles } from "../execution/host_cluster.ts";
import { Intake } from "../execution/intake.ts";
import type { Journal } from "../execution/journal.ts";
import type { Leadership } from "../execution/leadership.ts";
import { ReceiptIssuer } from "../execution/receipt_issuer.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { openHostFiles } from "./host_files.ts";
import { chooseJournal } from "./journal.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import { readApprovers, readPolicy, readSigners } from "./read_files.ts";

export interface Execution {
  readonly book: ExecutionBook;
  /** See Keeping. */
  readonly isShared: boolean;
  /** null where nobody approves by them. */
  readonly annotations: DecisionAnnotations | null;
  readonly journal: Journal;
  readonly intake: Intake;
  readonly approvals: Approvals;
  readonly approvers: Approvers;
  readonly challenges: Challenges;
  readonly receipts: ReceiptFolder;
  readonly verifier: ThresholdVerifier;
  readonly policy: Policy;
  /** null where there is nothing to change: no policy can be configured then, so nothing is allowed. */
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
  const signers = await readSigners(files, config.trust.signers);
  const verifier = requireSigners(
    await deferVerifier(signers, verifyOnce),
    config.trust.threshold,
  );
  const policy = await readPolicy(files, config.execution.policyFile);
  const challenges = await Challenges.open({
    files,
    clock,
    random,
    stateDir: config.stateDir,
    groupAccess: config.adminSocketGroupAccess,
  });
  const approvers = await Approvers.of(
    await readApprovers(files, config.execution.approvers),
    challenges.ownUid,
  );
  assertEnough(approvers, policy);
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
    onAllowed: (record, pack) => engine?.planAhead(record, pack),
    clock,
    log,
    metrics,
  });
  const hostFiles = await openHostFiles(foundation);
  const canAct = kubernetes !== null || config.execution.files.roots.length > 0;
  const engine: Engine | null = !canAct ? null : new Engine({
    book,
    cluster: withHostFiles(kubernetes?.cluster ?? noCluster, hostFiles),
    hostFiles,
    verifier,
    policy: () => policy,
    identity: () => ({ clusterId: clusterId(), labels: config.execution.labels }),
    fieldManager: config.execution.fieldManager,
    maxParallel: config.execution.maxParallel,
    // Not known before a journal in the cluster is open, and another one after its key was replaced.
    get maskSalt() {
      return keeping.maskSalt();
    },
    leadership,
    approvers,
    key: journalKey,
    clock,
    random,
    log,
    health,
  });
  return {
    book,
    isShared: keeping.isShared,
    annotations: config.execution.approvers.some((one) => "kubernetesUser" in one)
      ? keeping.annotations
      : null,
    journal,
    intake,
    approvals: new Approvals({
      book,
      approvers,
      policy: () => policy,
      key: journalKey,
      clock,
      random,
      leadership,
    }),
    approvers,
    challenges,
    receipts,
    verifier,
    policy,
    engine,
  };
}

/** Throws StalledError `config_invalid` where no plan could ever be approved. */
export function assertEnough({ count }: Approvers, policy: Policy): void {
  if (count >= policy.approval.count) return;
  throw new StalledError(
    "config_invalid",
    `execution.policyFile: approval.count is ${policy.approval.count}, but there are only ${count} approvers`,
    { hint: "add persons to execution.approvers; without them no plan could ever be approved" },
  );
}
