/** What the server says it serves: versions, groups and resources. */
import type { JsonObject } from "./json.ts";
import { apiVersionOf, type Resource, type Resources, VERBS } from "./resources.ts";

const SERVER_VERSION = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.0-embedded",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2026-01-01T00:00:00Z",
  goVersion: "go1.24",
  compiler: "gc",
  platform: "linux/amd64",
};

const AUTHORIZATION_GROUP = "authorization.k8s.io";
export const REVIEW_KINDS: Record<string, string> = {
  selfsubjectaccessreviews: "SelfSubjectAccessReview",
  selfsubjectrulesreviews: "SelfSubjectRulesReview",
};

/** null when the path is not one of discovery. */
export function discover(pathname: string, resources: Resources): JsonObject | null {
  if (pathname === "/version") return SERVER_VERSION;
  if (pathname === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (pathname === "/apis") {
    return { kind: "APIGroupList", apiVersion: "v1", groups: groups(resources) };
  }
  const [prefix, ...rest] = pathname.split("/").filter(Boolean);
  if (prefix === "api" && rest.length === 1) return resourceList(rest[0]!, resources);
  if (prefix !== "apis") return null;
  if (rest.length === 2) return resourceList(rest.join("/"), resources);
  if (rest.length !== 1) return null;
  const group = groups(resources).find(({ name }) => name === rest[0]);
  return group ? { kind: "APIGroup", apiVersion: "v1", ...group } : null;
}

function groups(resources: Resources): JsonObject[] {
  const versions = new Map<string, Set<string>>([[AUTHORIZATION_GROUP, new Set(["v1"])]]);
  for (const { group, version } of resources.all) {
    if (group) versions.set(group, (versions.get(group) ?? new Set()).add(version));
  }
  return [...versions].map(([name, served]) => {
    const list = [...served].map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: list, preferredVersion: list[0]! };
  });
}

function resourceList(groupVersion: string, resources: Resources): JsonObject | null {
  const served = resources.all.filter((resource) => apiVersionOf(resource) === groupVersion)
    .flatMap(describe);
  const list = groupVersion === `${AUTHORIZATION_GROUP}/v1` ? reviews() : served;
  if (list.length === 0) return null;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: list };
}

function describe(resource: Resource): JsonObject[] {
  const { plural: name, singular: singularName, namespaced, kind, shortNames } = resource;
  const main = {
    name,
    singularName,
    namespaced,
    kind,
    verbs: [...VERBS],
    ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
  };
  const below = { singularName: "", namespaced, verbs: ["get", "patch", "update"] };
  const scale = { group: "autoscaling", version: "v1", kind: "Scale" };
  return [
    main,
    ...(resource.hasScale ? [{ ...below, name: `${name}/scale`, ...scale }] : []),
    ...(resource.hasStatus ? [{ ...below, name: `${name}/status`, kind }] : []),
  ];
}

function reviews(): JsonObject[] {
  return Object.entries(REVIEW_KINDS).map(([name, kind]) => ({
    name,
    singularName: kind.toLowerCase(),
    namespaced: false,
    kind,
    verbs: ["create"],
  }));
}
