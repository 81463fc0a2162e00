/** Packages that are carried out: approved by a person, by the policy's auto mode, and one that fails. */
import { formatApprover } from "../../../core/approval.ts";
import { canonicalJson } from "../../../core/canonical_json.ts";
import { comparable } from "../../../core/diff.ts";
import { encodeBase64, encodeUtf8 } from "../../../core/encoding.ts";
import type { ObjectRef } from "../../../core/kubernetes_object.ts";
import { formatPlan } from "../../../core/plan_text.ts";
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";

export async function approved(stage: Stage): Promise<void> {
  const { scorecard, narrator } = stage;
  const { shop } = stage.world.kubernetes.scene;
  await scorecard.check(
    "good package, pushed: pending, approved, applied, rolled out, receipt verified",
    async () => {
      const bytes = stage.buildPackage({
        name: "deploy-checkout",
        stream: "releases",
        sequence: 1,
        actions: apply(deployment(shop, "checkout", "registry.example/checkout:1.0")),
      });
      const answer = await stage.push(bytes, stage.signByKey(bytes));
      demand(answer.status === 202, `answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      const { executionId } = answer.body as { executionId: string };
      await approve(stage, executionId);
      const receipt = await stage.receipt(executionId, "succeeded");
      const checkout = await stage.world.kubernetes.get(named(shop, "checkout"));
      const status = checkout?.status as { readyReplicas?: number } | undefined;
      demand(status?.readyReplicas === 2, `${status?.readyReplicas} replicas are ready`);
      const [approval] = receipt.approvals;
      return `${executionId} succeeded, approved by ${approval?.approver}, 2 of 2 replicas ready`;
    },
  );
  narrator.tell("the Orchestrator sends a keyless-signed package over the command channel");
  await scorecard.check("good package, keyless, over the outbound command channel", async () => {
    const bytes = stage.buildPackage({
      name: "configure-checkout",
      stream: "releases",
      sequence: 2,
      actions: apply(
        settings(shop, "fast"),
      ),
    });
    stage.enqueue(bytes, await stage.signKeyless(bytes));
    const executionId = await stage.until(
      "the package to wait for approval",
      () =>
        stage.world.controlPlane.receipts.find(({ payload }) =>
          payload.name === "configure-checkout" && payload.state === "pending_approval"
        )?.payload.executionId,
    );
    await approveFromAfar(stage, executionId);
    await stage.receipt(executionId, "succeeded");
    return `${executionId} succeeded, Fulcio certificate and log entry verified offline; approved by bob's signature`;
  });
}

export async function automatic(stage: Stage): Promise<void> {
  const { scorecard } = stage;
  const { sandbox } = stage.world.kubernetes.scene;
  await scorecard.check("auto mode applies only what the policy flag allows", async () => {
    const seed = stage.buildPackage({
      name: "deploy-worker",
      stream: "sandbox",
      sequence: 1,
      actions: apply(deployment(sandbox, "worker", "registry.example/worker:1.0")),
    });
    // `apply` is not among auto mode's actions, so this one still asks a person.
    const seeded = await accepted(stage, seed);
    await approve(stage, seeded);
    await stage.receipt(seeded, "succeeded");

    const scale = (sequence: number, replicas: number, risk: string) =>
      stage.buildPackage({
        name: "scale-worker",
        stream: "sandbox",
        sequence,
        risk,
        actions:
          `    - scale: { ref: { apiVersion: apps/v1, kind: Deployment, namespace: ${sandbox}, name: worker }, replicas: ${replicas} }`,
      });
    const low = await accepted(stage, scale(2, 4, "low"));
    const { approvals } = await stage.receipt(low, "succeeded");
    demand(approvals.length === 0, "somebody was asked");
    const medium = await accepted(stage, scale(3, 5, "medium"));
    await stage.receipt(medium, "pending_approval");
    const worker = await stage.world.kubernetes.get(named(sandbox, "worker"));
    const spec = worker?.spec as { replicas?: number } | undefined;
    demand(spec?.replicas === 4, `${spec?.replicas} replicas instead of 4`);
    await stage.admin().reject(medium, "not during the sale");
    await stage.receipt(medium, "cancelled");
    return "low-risk scale in sandbox applied unasked; apply and medium risk waited for a person";
  });
}

export async function rolledBack(stage: Stage): Promise<void> {
  const { scorecard, narrator } = stage;
  const { kubernetes } = stage.world;
  const { shop } = kubernetes.scene;
  const changed = [
    named(shop, "checkout"),
    { apiVersion: "v1", kind: "ConfigMap", namespace: shop, name: "settings" },
  ];
  const snapshot = async () =>
    JSON.stringify(
      (await Promise.all(changed.map((ref) => kubernetes.get(ref))))
        .map((object) => object && comparable(object)),
    );
  await scorecard.check("failing package rolled back to the exact earlier objects", async () => {
    const before = await snapshot();
    const bytes = stage.buildPackage({
      name: "break-checkout",
      stream: "releases",
      sequence: 3,
      timeout: "1500ms",
      actions: [
        apply(
          settings(shop, "slow"),
        ),
        apply(deployment(shop, "checkout", "registry.example/checkout:broken", 3)),
        apply(deployment(shop, "extra", "registry.example/extra:1.0")),
      ].join("\n"),
    });
    const executionId = await accepted(stage, bytes);
    await approve(stage, executionId);
    narrator.tell("the new image never becomes ready");
    const receipt = await stage.receipt(executionId, "rolled_back", "rollback_failed", "succeeded");
    demand(receipt.state === "rolled_back", `ended in ${receipt.state}: ${receipt.reason}`);
    const after = await snapshot();
    demand(after === before, `the objects differ from before: ${before} ${after}`);
    const extra = await kubernetes.get(named(shop, "extra"));
    demand(!extra || extra.metadata.deletionTimestamp !== undefined, "what it created is left");
    return `${executionId} rolled back (${receipt.code}): two objects restored, one removed`;
  });
}

/** As a person at the machine would: look at the plan, then say yes to exactly that plan. */
export async function approve(stage: Stage, executionId: string): Promise<void> {
  await stage.receipt(executionId, "pending_approval");
  const admin = stage.admin();
  const { plan } = await admin.show(executionId);
  demand(plan !== null, "there is no plan to approve");
  formatPlan(plan).slice(0, 6).forEach((line) => stage.narrator.tell(`  ${line}`));
  const { approvals } = await admin.approve(executionId, plan.digest);
  const by = approvals.map(formatApprover).join();
  stage.narrator.tell(`${by} approves plan ${plan.digest.slice(0, 19)}…`);
}

/** As a person elsewhere: the control plane carries a document that the person's own key signed. */
async function approveFromAfar(stage: Stage, executionId: string): Promise<void> {
  const { controlPlane, signers } = stage.world;
  const prepared = await stage.admin().approvalDocument(executionId, {
    decision: "approve",
    reason: "",
  });
  const document = encodeUtf8(canonicalJson(prepared));
  const data = { document: encodeBase64(document), bundle: signers.bob.sign(document) };
  controlPlane.enqueueCommand({ type: "approval", data });
  stage.narrator.tell(
    `bob signs plan ${prepared.planDigest.slice(0, 19)}…, the control plane delivers it`,
  );
}

async function accepted(stage: Stage, bytes: Uint8Array): Promise<string> {
  const { status, body } = await stage.push(bytes, stage.signByKey(bytes));
  demand(status === 202, `answered ${status}: ${JSON.stringify(body)}`);
  return (body as { executionId: string }).executionId;
}

/** Of a Deployment. */
function named(namespace: string, name: string): ObjectRef {
  return { apiVersion: "apps/v1", kind: "Deployment", namespace, name };
}

function settings(namespace: string, mode: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${namespace} }
data: { mode: ${mode} }`;
}

export function apply(manifest: string): string {
  const lines = manifest.split("\n").map((line) => `          ${line}`).join("\n");
  return `    - apply:\n        manifest: |\n${lines}`;
}

export function deployment(namespace: string, name: string, image: string, replicas = 2): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "${image}" }] }`;
}
