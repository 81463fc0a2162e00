/** What the server serves: the built-in resources, and those that definitions add. */
import { KIND_SCHEMAS } from "./kind_schema.ts";
import type { Schema } from "./schema.ts";

export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly schema: Schema;
  readonly hasStatus: boolean;
  readonly hasScale: boolean;
  /** Counts changes of its specification in `metadata.generation`. */
  readonly hasGeneration: boolean;
  /** PUT without a resourceVersion overwrites; otherwise it is refused. */
  readonly allowsUnconditionalUpdate: boolean;
  /** PUT of a name that is not there creates it. */
  readonly allowsCreateOnUpdate: boolean;
  /** From a CustomResourceDefinition. */
  readonly isCustom: boolean;
}

export const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"] as const;

export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

/** `deployments.apps`, as messages name it. */
export function qualify(name: string, group: string): string {
  return group ? `${name}.${group}` : name;
}

type BuiltInKind = keyof typeof KIND_SCHEMAS;

/** kind, plural, short names, and marks: s(tatus) g(eneration) c(luster-wide) r(eplicas) v(ersion needed) u(pdate creates). */
const BUILT_IN: Record<string, readonly (readonly [BuiltInKind, string, string, string])[]> = {
  "v1": [
    ["Namespace", "namespaces", "ns", "sc"],
    ["ConfigMap", "configmaps", "cm", ""],
    ["Secret", "secrets", "", ""],
    ["Service", "services", "svc", "s"],
    ["ServiceAccount", "serviceaccounts", "sa", ""],
    ["Pod", "pods", "po", "s"],
    ["PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "s"],
    ["Node", "nodes", "no", "sc"],
    ["Event", "events", "ev", ""],
  ],
  "apps/v1": [
    ["Deployment", "deployments", "deploy", "sgr"],
    ["StatefulSet", "statefulsets", "sts", "sgr"],
    ["DaemonSet", "daemonsets", "ds", "sg"],
    ["ReplicaSet", "replicasets", "rs", "sgr"],
  ],
  "batch/v1": [["Job", "jobs", "", "sg"], ["CronJob", "cronjobs", "cj", "sg"]],
  "networking.k8s.io/v1": [
    ["Ingress", "ingresses", "ing", "sg"],
    ["NetworkPolicy", "networkpolicies", "netpol", "g"],
  ],
  "rbac.authorization.k8s.io/v1": [
    ["Role", "roles", "", "u"],
    ["RoleBinding", "rolebindings", "", "u"],
  ],
  "coordination.k8s.io/v1": [["Lease", "leases", "", "vu"]],
  "apiextensions.k8s.io/v1": [
    ["CustomResourceDefinition", "customresourcedefinitions", "crd crds", "sgcv"],
  ],
};

export class Resources {
  readonly #served: Resource[] = Object.entries(BUILT_IN).flatMap(([apiVersion, kinds]) =>
    kinds.map(([kind, plural, shortNames, marks]) =>
      builtIn(apiVersion, kind, plural, shortNames, marks)
    )
  );

  get all(): readonly Resource[] {
    return this.#served;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#served.find((resource) =>
      resource.group === group && resource.version === version && resource.plural === plural
    );
  }

  ofKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#served.find((resource) =>
      apiVersionOf(resource) === apiVersion && resource.kind === kind
    );
  }

  /** Every resource of `group` and `plural` gives way to `versions`; an empty list withdraws it. */
  replace(group: string, plural: string, versions: readonly Resource[]): void {
    const others = this.#served.filter((other) => other.group !== group || other.plural !== plural);
    this.#served.splice(0, Infinity, ...others, ...versions);
  }
}

function builtIn(
  apiVersion: string,
  kind: BuiltInKind,
  plural: string,
  shortNames: string,
  marks: string,
): Resource {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return {
    group: group!,
    version: version!,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: shortNames.split(" ").filter(Boolean),
    namespaced: !marks.includes("c"),
    schema: KIND_SCHEMAS[kind],
    hasStatus: marks.includes("s"),
    hasScale: marks.includes("r"),
    hasGeneration: marks.includes("g"),
    allowsUnconditionalUpdate: !marks.includes("v"),
    allowsCreateOnUpdate: marks.includes("u"),
    isCustom: false,
  };
}
