/** What only a real server has: quotas, policies and pod security, and how a package meets them. */
import assert from "node:assert/strict";
import { objectAt } from "../../src/embedded/kubernetes/json.ts";
import { applyOperation } from "../../src/execution/operations/apply.ts";
import { configMap, deployment, MERGE } from "../contract/kubernetes/objects.ts";
import { type Product, withProduct } from "../contract/kubernetes/product.ts";
import { type Contract, type Ground, NAMESPACES } from "../contract/kubernetes/target.ts";
import { runContracts } from "./kubernetes_peers.ts";

const REGISTRATION = "/apis/admissionregistration.k8s.io/v1";
const LIMIT_MS = 20_000;
const WRITE = { dryRun: false };
const TRY = { dryRun: true };

const admission: Contract = {
  "a quota that is used up refuses in a dry run already": (ground) =>
    withProduct(ground, async ({ call, until, cluster, place }) => {
      const quotas = ground.in("resourcequotas");
      await call("POST", quotas, {
        body: {
          apiVersion: "v1",
          kind: "ResourceQuota",
          metadata: { name: "small" },
          spec: { hard: { "count/secrets": "0" } },
        },
      });
      // Before its controller has counted, it refuses for another reason.
      await until(`${quotas}/small`, (quota) => objectAt(quota, "status", "used") !== undefined);
      const secret = place({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" } });
      for (const options of [TRY, WRITE]) {
        await assert.rejects(cluster.apply(secret, options), {
          code: "admission_denied",
          message: /secrets "s" is forbidden: exceeded quota: small, requested: count\/secrets=1/,
        });
      }
    }),

  "a policy that denies is named, with its words": (ground) =>
    withPolicy(ground, "Deny", async ({ cluster, place }) => {
      const odd = place(configMap("odd", { odd: "1" }));
      await untilPolicy(async () => {
        await assert.rejects(cluster.apply(odd, TRY), { code: "admission_denied" });
      });
      await assert.rejects(cluster.apply(odd, WRITE), {
        code: "admission_denied",
        message: /ValidatingAdmissionPolicy .* denied request: odd keys are not for us/,
      });
      await cluster.apply(place(configMap("even", { even: "1" })), WRITE);
    }),

  "a policy that warns stands in the plan": (ground) =>
    withPolicy(ground, "Warn", async ({ cluster, context, place }) => {
      const operation = applyOperation(place(configMap("odd", { odd: "1" })), context);
      await untilPolicy(async () => {
        const { entry } = await operation.preview(cluster);
        assert.match(entry.warnings.join(), /odd keys are not for us/);
      });
    }),

  "what pod security would say stands in the plan": (ground) =>
    withProduct(ground, async ({ call, cluster, context, place, namespace }) => {
      await call("PATCH", `${NAMESPACES}/${namespace}`, {
        body: { metadata: { labels: { "pod-security.kubernetes.io/warn": "restricted" } } },
        type: MERGE,
      });
      const operation = applyOperation(place(deployment("web", { replicas: 0 })), context);
      await untilPolicy(async () => {
        const { entry } = await operation.preview(cluster);
        assert.match(entry.warnings.join(), /would violate PodSecurity "restricted:latest"/);
      });
    }),
};

runContracts({ admission });

/** Policies have no namespace: this one looks at the case's namespace only. */
async function withPolicy(
  ground: Ground,
  action: "Deny" | "Warn",
  act: (product: Product) => Promise<void>,
): Promise<void> {
  const { call, namespace: name } = ground;
  const policies = `${REGISTRATION}/validatingadmissionpolicies`;
  const bindings = `${REGISTRATION}/validatingadmissionpolicybindings`;
  const apiVersion = "admissionregistration.k8s.io/v1";
  await call("POST", policies, {
    body: {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [{
            apiGroups: [""],
            apiVersions: ["v1"],
            operations: ["CREATE", "UPDATE"],
            resources: ["configmaps"],
          }],
        },
        validations: [{
          expression: "!has(object.data) || !('odd' in object.data)",
          message: "odd keys are not for us",
        }],
      },
    },
  });
  await call("POST", bindings, {
    body: {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: [action],
        matchResources: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
        },
      },
    },
  });
  try {
    await withProduct(ground, act);
  } finally {
    await call("DELETE", `${bindings}/${name}`);
    await call("DELETE", `${policies}/${name}`);
  }
}

/** The server takes a policy or a label up a moment after it was written. */
async function untilPolicy(check: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError) || Date.now() > deadline) throw error;
    }
  }
}
