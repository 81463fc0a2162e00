/** The execution side: intake, book, approvals and engine, all over one journal. */
import { StalledError } from "../errors.ts";
import { FileJournal } from "../adapters/journal_file.ts";
import { ReceiptFolder } from "../adapters/receipt_folder.ts";
import type { LocalCluster } from "../core/admission.ts";
import { Approvers } from "../core/approver.ts";
import { deriveSecret } from "../core/connector_key.ts";
import type { Policy } from "../core/policy.ts";
import { type BundleVerifier, createVerifier } from "../core/verification/verify.ts";
import { Approvals } from "../execution/approvals.ts";
import { Challenges } from "../execution/challenges.ts";
import { ExecutionBook } from "../execution/book.ts";
import { Engine } from "../execution/engine.ts";
import { Intake } from "../execution/intake.ts";
import type { Leadership } from "../execution/leadership.ts";
import { ReceiptIssuer } from "../execution/receipt_issuer.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import { readApprovers, readPolicy, readSigners } from "./read_files.ts";

export interface Execution {
  readonly book: ExecutionBook;
  readonly intake: Intake;
  readonly approvals: Approvals;
  readonly approvers: Approvers;
  readonly challenges: Challenges;
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
  const signers = await readSigners(files, config.trust.signers);
  const verifier = createVerifier(signers);
  const policy = await readPolicy(files, config.execution.policyFile);
  const challenges = await Challenges.open({
    files,
    clock,
    random,
    stateDir: config.stateDir,
    groupAccess: config.adminSocketGroupAccess,
  });
  const approvers = new Approvers(
    await readApprovers(files, config.execution.approvers),
    challenges.ownUid,
    signers,
  );
  assertEnough(approvers, policy);
  const receipts = new ReceiptFolder(files, config.stateDir);
  const identity = (): LocalCluster | null => {
    const known = control.session.identity();
    return known && { clusterId: known.clusterId, labels: config.execution.labels };
  };
  const clusterId = () => identity()?.clusterId ?? "";
  const issuer = new ReceiptIssuer(receipts, key);
  const journal = new FileJournal(files, `${config.stateDir}/executions`);
  const book = new ExecutionBook({ journal, audit, receipts: issuer, key, clock, log, metrics });
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
    maskSalt: await deriveSecret(key, "plan-mask"),
    leadership,
    approvers,
    key,
    clock,
    random,
    log,
    health,
  });
  return {
    book,
    intake,
    approvals: new Approvals({ book, approvers, policy: () => policy, key, clock, leadership }),
    approvers,
    challenges,
    receipts,
    verifier,
    policy,
    engine,
  };
}

function assertEnough({ count }: Approvers, policy: Policy): void {
  if (count >= policy.approval.count) return;
  throw new StalledError(
    "config_invalid",
    `execution.policyFile: approval.count is ${policy.approval.count}, but there are only ${count} approvers`,
    { hint: "add persons to execution.approvers; without them no plan could ever be approved" },
  );
}
