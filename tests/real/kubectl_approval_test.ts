/** docs/examples/approval-policy.yaml as it stands, on real API servers: persons decide with kubectl, under their own names. */
import assert from "node:assert/strict";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { NAMESPACE } from "../../scripts/testbed/services/kubernetes_setup.ts";
import { poll } from "../contract/contract.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, workPackage } from "./package.ts";
import { realTest } from "./peers.ts";
import type { Finished } from "./process.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";
import { clearJournal, JOURNAL } from "./shared_journal.ts";

const GUARD = "docs/examples/approval-policy.yaml";
const LIMIT_MS = 60_000;
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - { name: shop, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }
`;
const APPROVERS = [{ name: "alice", kubernetesUser: "alice@example.com" }];
const NAME = "by-kubectl";
const ALICE = ["--as=alice@example.com", "--as-group=neuralops:approvers"];
/** May decide, as far as the cluster knows, and is no approver of the connector. */
const BOB = ["--as=bob", "--as-group=neuralops:approvers"];
/** May patch executions, and not decide. */
const CAROL = ["--as=carol"];

for (const peer of KUBERNETES) {
  realTest(`persons approve and reject with kubectl under their own names (${peer})`, [
    peer,
    "kubectl",
  ], (context) =>
    withGround(async (ground) => {
      const cluster = runningOf(peer);
      await clearJournal(cluster);
      const { signer, trust } = await trustNewSigner(ground);
      const changes = {
        trust,
        execution: { policyFile: await ground.write("manual.yaml", POLICY), approvers: APPROVERS },
        kubernetes: {
          mode: "kubeconfig",
          kubeconfig: `./${cluster.folder}/connector.kubeconfig`,
          journal: JOURNAL,
        },
      } as const;
      await letCarolPatch(cluster);
      await kubectl(cluster, "apply", "-f", GUARD);
      try {
        await withAgent(ground, changes, async ({ port }) => {
          const step = (name: string, work: () => Promise<void>) => context.step(name, work);
          const clusterId = await registeredCluster(ground);
          const pending = async () => {
            const bytes = workPackage({ clusterId, manifest: configMap(NAME, { a: "1" }) });
            const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
            await untilReceipt(ground, id, "pending_approval");
            await poll("the plan is shown", LIMIT_MS, async () =>
              (await read(cluster, id)).status.state === "pending_approval");
            return id;
          };
          const answered = (id: string, pattern: RegExp) =>
            poll(`the answer is ${pattern}`, LIMIT_MS, async () => {
              const { annotations } = (await read(cluster, id)).metadata;
              return pattern.test(annotations["neuralops.io/approval-answer"] ?? "") &&
                !("neuralops.io/approve-as" in annotations);
            });
          const first = await pending();
          const digest = (await read(cluster, first)).status.planDigest;
          const approve = (who: readonly string[], as: string, plan = digest) =>
            annotate(cluster, first, who, [
              `neuralops.io/approve=${plan}`,
              `neuralops.io/approve-as=${as}`,
            ]);

          await step("without the policy no name is believed", async () => {
            await kubectl(cluster, "delete", "validatingadmissionpolicy", "neuralops-approvals");
            await poll("anyone may write any name", LIMIT_MS, async () =>
              (await approve(CAROL, "alice@example.com")).code === 0);
            await answered(first, /^refused: approver_unproven: .* kubectl apply -f docs/);
            assert.equal((await read(cluster, first)).status.state, "pending_approval");
            await kubectl(cluster, "apply", "-f", GUARD);
            await poll("nobody may write another's name", LIMIT_MS, async () =>
              (await approve(BOB, "alice@example.com")).stderr.includes(
                'must be "bob", the user of this request',
              ));
          });
          await step(
            "what was written before the policy was in force is not believed",
            async () => {
              await poll("nothing is left of it", LIMIT_MS, async () => {
                const { annotations } = (await read(cluster, first)).metadata;
                return !("neuralops.io/approve-as" in annotations);
              });
              assert.equal((await read(cluster, first)).status.state, "pending_approval");
            },
          );
          await step("the API server refuses whoever may not decide, and connectors", async () => {
            const refused = async (who: readonly string[], as: string, why: RegExp) =>
              assert.match((await approve(who, as)).stderr, why);
            await refused(CAROL, "carol", /"carol" may not decide: it needs the right to update/);
            await refused(CAROL, "alice@example.com", /must be "carol"/);
            await refused(["--as=eve"], "eve", /cannot get resource/);
            await refused(["--as=c", "--as-group=neuralops:connectors"], "c", /and makes none/);
            const other = await approve(ALICE, "alice@example.com", `sha256:${"0".repeat(64)}`);
            assert.match(other.stderr, /must be the digest of the plan/);
          });
          await step("nobody but a connector changes anything else", async () => {
            for (
              const patch of [
                { verbatim: "{}" },
                { status: { state: "approved" } },
                { term: "another" },
                { metadata: { labels: { "neuralops.io/open": "false" } } },
                { metadata: { annotations: { "neuralops.io/approval-answer": "taken" } } },
              ]
            ) {
              const { stderr } = await tryKubectl(
                cluster,
                "admin",
                ...["-n", NAMESPACE, "patch", "wpx", first, "--type=merge"],
                ...["-p", JSON.stringify(patch), ...ALICE],
              );
              assert.match(stderr, /nobody but a connector changes an execution/);
            }
            const own = await annotate(cluster, first, ALICE, ["example.com/ticket=INC-1"]);
            assert.equal(own.code, 0, own.stderr);
          });
          await step("who is no approver of the connector is refused by it", async () => {
            const refused = /^refused: not_an_approver: Kubernetes user "bob"/;
            // Until the connector has looked under the policy once, it is told to write it again.
            await poll("bob is refused", LIMIT_MS, async () => {
              await approve(BOB, "bob");
              const { annotations } = (await read(cluster, first)).metadata;
              return refused.test(annotations["neuralops.io/approval-answer"] ?? "");
            });
            await answered(first, refused);
          });
          await step("an approver approves, and it is carried out", async () => {
            const { code, stderr } = await approve(ALICE, "alice@example.com");
            assert.equal(code, 0, stderr);
            const receipt = await untilReceipt(ground, first, "succeeded", "failed");
            assert.equal(receipt.state, "succeeded", receipt.reason);
            const name = "alice (kubernetes alice@example.com)";
            assert.deepEqual(
              receipt.approvals.map(({ approver }) =>
                approver
              ),
              [name],
            );
            await answered(first, /^taken: approved by alice \(kubernetes alice@example\.com\)/);
            const table = await kubectl(cluster, "-n", NAMESPACE, "get", "wpx", "-o", "wide");
            assert.match(table, /taken: approved by alice/);
          });
          await step("an approver rejects", async () => {
            const second = await pending();
            const { code, stderr } = await annotate(cluster, second, ALICE, [
              "neuralops.io/reject=not during the sale",
              "neuralops.io/approve-as=alice@example.com",
            ]);
            assert.equal(code, 0, stderr);
            const { reason } = await untilReceipt(ground, second, "cancelled");
            assert.match(
              reason,
              /^rejected by alice \(kubernetes alice@example\.com\): not during the sale \(salt /,
            );
            await answered(second, /^taken: rejected by alice/);
          });
        });
      } finally {
        await kubectl(cluster, "delete", "--ignore-not-found", "-f", GUARD);
        await kubectl(cluster, "-n", NAMESPACE, "delete", "role,rolebinding", "carol");
        await kubectl(cluster, "-n", "shop", "delete", "configmap", NAME, "--ignore-not-found");
        await clearJournal(cluster);
      }
    }));
}

interface Shown {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly status: { readonly state: string; readonly planDigest: string };
}

async function read(cluster: RunningKubernetes, id: string): Promise<Shown> {
  return JSON.parse(await kubectl(cluster, "-n", NAMESPACE, "get", "wpx", id, "-o", "json"));
}

/** Impersonated by the administrator: to the API server it is that user's request. */
async function annotate(
  cluster: RunningKubernetes,
  id: string,
  who: readonly string[],
  annotations: readonly string[],
): Promise<Finished> {
  const args = ["-n", NAMESPACE, "annotate", "wpx", id, ...annotations, ...who];
  return await tryKubectl(cluster, "admin", ...args);
}

async function letCarolPatch(cluster: RunningKubernetes): Promise<void> {
  const place = ["-n", NAMESPACE, "create"];
  const rule = ["--verb=get,patch", "--resource=workpackageexecutions.neuralops.io"];
  await kubectl(cluster, ...place, "role", "carol", ...rule);
  await kubectl(cluster, ...place, "rolebinding", "carol", "--role=carol", "--user=carol");
}
