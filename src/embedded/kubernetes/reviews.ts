/** "May I?": access reviews, answered by the very hook that guards the requests. */
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Hooks, RequestInfo } from "./request_info.ts";
import { type Resources, VERBS } from "./resources.ts";

export function reviewAccess(hooks: Hooks, asking: RequestInfo, body: JsonObject): JsonObject {
  const spec = isObject(body["spec"]) ? body["spec"] : {};
  const asked = isObject(spec["resourceAttributes"]) ? spec["resourceAttributes"] : {};
  const text = (field: string) => typeof asked[field] === "string" ? asked[field] : "";
  const refusal = hooks.authorize({
    ...asking,
    verb: text("verb"),
    group: text("group"),
    version: text("version") || "*",
    resource: text("resource"),
    subresource: text("subresource"),
    namespace: text("namespace"),
    name: text("name"),
  }, null);
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec,
    status: refusal ? { allowed: false, reason: refusal.message } : { allowed: true },
  };
}

export function reviewRules(
  hooks: Hooks,
  asking: RequestInfo,
  body: JsonObject,
  resources: Resources,
): JsonObject {
  const spec = isObject(body["spec"]) ? body["spec"] : {};
  const namespace = typeof spec["namespace"] === "string" ? spec["namespace"] : "";
  const resourceRules = resources.all.flatMap((resource): Json[] => {
    const { group, version, plural } = resource;
    const verbs = VERBS.filter((verb) =>
      hooks.authorize({
        ...asking,
        verb,
        group,
        version,
        resource: plural,
        subresource: "",
        namespace: resource.namespaced ? namespace : "",
        name: "",
      }, null) === null
    );
    return verbs.length > 0 ? [{ verbs, apiGroups: [group], resources: [plural] }] : [];
  });
  return {
    kind: "SelfSubjectRulesReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec,
    status: { resourceRules, nonResourceRules: [], incomplete: false },
  };
}
