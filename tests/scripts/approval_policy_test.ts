import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { KubernetesAnnotations } from "../../src/adapters/kubernetes/journal/annotations.ts";
import { JournalStore } from "../../src/adapters/kubernetes/journal/store.ts";
import { toError } from "../../src/adapters/kubernetes/status_error.ts";
import { DECISION } from "../../src/core/annotated_decision.ts";
import { withinTerm } from "../../src/execution/fenced_cluster.ts";
import { alwaysLeader } from "../../src/execution/leadership.ts";

const Policy = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    failurePolicy: z.literal("Fail"),
    matchConditions: z.never().optional(),
    variables: z.array(z.object({ name: z.string(), expression: z.string() })),
    validations: z.array(z.object({
      expression: z.string(),
      message: z.string(),
      messageExpression: z.string().optional(),
      reason: z.literal("Forbidden"),
    })),
  }),
});
const Binding = z.object({
  spec: z.strictObject({ policyName: z.string(), validationActions: z.tuple([z.literal("Deny")]) }),
});
const text = await Deno.readTextFile("docs/examples/approval-policy.yaml");
const manifests = parseAllDocuments(text).map((document) => {
  assert.deepEqual(document.errors, []);
  return document.toJS() as { kind: string } | null;
});
const only = (kind: string) => manifests.filter((manifest) => manifest?.kind === kind);
const policy = Policy.parse(only("ValidatingAdmissionPolicy")[0]);
const { spec: binding } = Binding.parse(only("ValidatingAdmissionPolicyBinding")[0]);
const validations = policy.spec.validations;

/** What the connector makes of this rule's refusal of its try. */
async function judge({ message }: { message: string }): Promise<void> {
  const { name } = policy.metadata;
  const refusal = `workpackageexecutions.neuralops.io "wpx-1" is forbidden: ` +
    `ValidatingAdmissionPolicy '${name}' with binding '${name}' denied request: ${message}`;
  const refuse = () =>
    Promise.reject(toError(403, JSON.stringify({ message: refusal }), "patch executions"));
  const store = new JournalStore({ request: refuse, find: refuse }, {
    namespace: "neuralops",
    within: (write) => withinTerm(alwaysLeader, write),
  });
  await new KubernetesAnnotations(store).assertGuarded("wpx-1");
}

Deno.test("the policy's first rule, and no other, is worded as connectors know it", async () => {
  assert.equal(binding.policyName, policy.metadata.name);
  const [first, ...others] = validations;
  await judge(first!);
  const [word] = first!.message.split(" ");
  assert.ok(first!.messageExpression!.startsWith(`'${word} `));
  for (const other of others) await assert.rejects(judge(other), { code: "approver_unproven" });
});

Deno.test("the policy speaks of the annotations that connectors read, and guards each of them", () => {
  const decision = policy.spec.variables.find(({ name }) => name === "decision")!;
  assert.deepEqual(JSON.parse(decision.expression.replaceAll("'", '"')), Object.values(DECISION));
});

Deno.test("the policy's connectors are those who may write the journal", async () => {
  const connector = policy.spec.variables.find(({ name }) => name === "isConnector")!.expression;
  const rbac = parseAllDocuments(await Deno.readTextFile("docs/examples/journal-rbac.yaml"))
    .map((document) => document.toJS())
    .find((manifest) => manifest?.kind === "RoleBinding");
  assert.equal(rbac.subjects.length, 2);
  for (const { kind, name, namespace } of rbac.subjects) {
    const user = kind === "Group" ? name : `system:serviceaccount:${namespace}:${name}`;
    assert.ok(connector.includes(`'${user}'`), user);
  }
});
