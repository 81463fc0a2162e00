/** A quota, and a webhook that this process answers, on a real API server. */
import { objectAt } from "../../src/embedded/kubernetes/json.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { serveTls } from "../../src/embedded/serve.ts";
import { poll } from "../contract/contract.ts";
import type { Rule, Webhook } from "../contract/execution/target.ts";
import type { Ground } from "../contract/kubernetes/target.ts";

const WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const LIMIT_MS = 20_000;
/** Dry runs of what is never made. */
const PROBE = "probe";

/** Resolves once its controller has counted: before, it refuses for another reason. */
export async function addQuota(ground: Ground, most: number): Promise<Rule> {
  const quotas = ground.in("resourcequotas");
  await ground.call("POST", quotas, {
    body: {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "small" },
      spec: { hard: { "count/secrets": `${most}` } },
    },
  });
  await ground.until(`${quotas}/small`, (quota) => objectAt(quota, "status", "used") !== undefined);
  return {
    async [Symbol.asyncDispose]() {
      await ground.call("DELETE", `${quotas}/small`);
      const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: PROBE } };
      await poll(
        "the quota is gone",
        LIMIT_MS,
        async () =>
          (await ground.call("POST", `${ground.in("secrets")}?dryRun=All`, { body: secret }))
            .status === 201,
      );
    },
  };
}

/** Resolves once the server asks it: it takes a configuration up a moment after it was written. */
export async function addWebhook(ground: Ground): Promise<Webhook> {
  const { call, namespace } = ground;
  const pki = await createPki();
  let how: "refuse" | "away" = "refuse";
  const server = await serveTls(pki, "webhook", async (request) => {
    const { request: { uid, object } } = await request.json();
    if (how === "away") return new Response("not now", { status: 503 });
    const allowed = object?.data?.odd === undefined;
    return Response.json({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid, allowed, status: { code: 403, message: "odd keys are not for us" } },
    });
  });
  const body = configurationOf(namespace, `${server.url}/judge`, pki.caPem);
  const answer = await call("POST", WEBHOOKS, { body });
  if (answer.status !== 201) throw new Error(`no webhook: ${answer.body.message}`);
  const probe = async () => {
    const odd = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: PROBE },
      data: { odd: "" },
    };
    return (await call("POST", `${ground.in("configmaps")}?dryRun=All`, { body: odd })).status;
  };
  await poll("the webhook is asked", LIMIT_MS, async () => await probe() === 403);
  return {
    answer: (next) => Promise.resolve(void (how = next)),
    async [Symbol.asyncDispose]() {
      await call("DELETE", `${WEBHOOKS}/${namespace}`);
      await poll("the webhook is asked no more", LIMIT_MS, async () => await probe() === 201);
      await server.close();
    },
  };
}

/** It has no namespace: this one looks at the case's namespace only. */
function configurationOf(namespace: string, url: string, caPem: string) {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: namespace },
    webhooks: [{
      name: "odd.example.org",
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      failurePolicy: "Fail",
      clientConfig: { url, caBundle: btoa(caPem) },
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      rules: [{
        apiGroups: [""],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["configmaps"],
      }],
    }],
  };
}
