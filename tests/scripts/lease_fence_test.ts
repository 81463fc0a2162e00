import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { toError } from "../../src/adapters/kubernetes/status_error.ts";
import { defaultIdentity } from "../../src/agent/election.ts";
import { ConfigSchema } from "../../src/config/schema.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";

const Policy = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    matchConstraints: z.object({
      resourceRules: z.array(z.object({
        operations: z.array(z.string()),
        resources: z.array(z.string()),
      })).length(1),
      excludeResourceRules: z.array(z.object({
        apiGroups: z.array(z.string()),
        resources: z.array(z.string()),
      })),
    }),
    variables: z.array(z.object({ name: z.string(), expression: z.string() })),
    validations: z.array(z.object({ message: z.string(), messageExpression: z.string() })).length(
      1,
    ),
  }),
});
const Binding = z.object({
  spec: z.object({
    policyName: z.string(),
    paramRef: z.object({ name: z.string(), namespace: z.string() }).loose(),
  }),
});
const Lease = z.object({ metadata: z.strictObject({ name: z.string(), namespace: z.string() }) });

const manifests = parseAllDocuments(await Deno.readTextFile("docs/examples/lease-fence.yaml"))
  .map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as { kind: string };
  });
const only = (kind: string) => {
  const found = manifests.filter((manifest) => manifest?.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0];
};
const policy = Policy.parse(only("ValidatingAdmissionPolicy"));

Deno.test("the fence compares with the Lease that connectors hold, and words its refusal as they know it", () => {
  const { spec: binding } = Binding.parse(only("ValidatingAdmissionPolicyBinding"));
  const { metadata: lease } = Lease.parse(only("Lease"));
  assert.equal(binding.policyName, policy.metadata.name);
  const { name, namespace } = binding.paramRef;
  assert.deepEqual({ name, namespace }, { name: lease.name, namespace: lease.namespace });
  const config = ConfigSchema.parse({
    clusterName: "c",
    controlPlane: { url: "https://control.example" },
    vault: { address: "https://vault.example", auth: { method: "token" } },
    kubernetes: { mode: "inCluster", leaderElection: { namespace }, journal: { namespace } },
  });
  assert.equal(
    "leaderElection" in config.kubernetes && config.kubernetes.leaderElection?.name,
    name,
  );
  const validation = policy.spec.validations[0]!;
  const [word] = validation.message.split(" ");
  assert.ok(validation.messageExpression.startsWith(`'${word} ' + `));
  const message =
    `configmaps "c" is forbidden: ValidatingAdmissionPolicy '${policy.metadata.name}' ` +
    `with binding '${policy.metadata.name}' denied request: ${validation.message}`;
  assert.equal(toError(403, JSON.stringify({ message }), "apply").code, "not_leader");
});

Deno.test("the fence lets every candidate at the Lease, and nobody past it with a review", () => {
  const { matchConstraints } = policy.spec;
  const all = matchConstraints.resourceRules[0]!;
  assert.deepEqual(all.resources, ["*/*"], "subresources too");
  assert.deepEqual(all.operations, ["CREATE", "UPDATE", "DELETE"]);
  const excluded = matchConstraints.excludeResourceRules.flatMap(
    ({ apiGroups, resources }) => apiGroups.map((group) => `${group}/${resources}`),
  );
  assert.deepEqual(excluded, [
    "coordination.k8s.io/leases",
    "authentication.k8s.io/*",
    "authorization.k8s.io/*",
  ]);
});

Deno.test("what the fence takes for the holder's name is the pod's name in a default identity", async () => {
  const { jwk } = await keyFromPem(await generateKeyPem());
  const holderName = policy.spec.variables.find(({ name }) => name === "holderName");
  assert.equal(holderName?.expression, "variables.holder.split('_')[0]");
  assert.equal(
    defaultIdentity("neuralops-connector-x7k2p", jwk).split("_")[0],
    "neuralops-connector-x7k2p",
  );
});
