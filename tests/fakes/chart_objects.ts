/** What the chart was rendered to, as objects. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { goldenPath } from "../../scripts/chart/renderings.ts";

export interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // deno-lint-ignore no-explicit-any
  readonly spec?: any;
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
}

/** As Helm reads YAML: 1.1, in which 0440 is octal and `no` is no text. */
export function parseObjects(text: string): Rendered[] {
  return parseAllDocuments(text, { version: "1.1" }).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  }).filter((object) => object !== null);
}

export async function goldenObjects(name: string): Promise<Rendered[]> {
  return parseObjects(await Deno.readTextFile(goldenPath(name)));
}

export function only(objects: readonly Rendered[], kind: string, suffix = ""): Rendered {
  const found = objects.filter((one) => one.kind === kind && one.metadata.name.endsWith(suffix));
  assert.equal(found.length, 1, `${kind} …${suffix}`);
  return found[0]!;
}

/** The pod specs of everything that makes pods, the patch of a sidecar included. */
// deno-lint-ignore no-explicit-any
export function podSpecs(objects: readonly Rendered[]): any[] {
  return objects.flatMap(({ kind, spec, data }) => {
    if (kind === "Pod") return [spec];
    if (kind === "DaemonSet" || kind === "Deployment") return [spec.template.spec];
    const patch = data?.["patch.yaml"];
    return patch === undefined ? [] : [parseObjects(patch)[0]!.spec.template.spec];
  });
}

/** `namespace|group/resource|verb`, once for each right; names in brackets where a rule has them. */
export function rightsOf(objects: readonly Rendered[]): Set<string> {
  return new Set(
    objects.filter(({ kind }) => kind === "Role" || kind === "ClusterRole").flatMap((role) =>
      role.rules!.flatMap(({ apiGroups, resources, resourceNames, verbs }) => {
        const named = resourceNames ? `[${resourceNames}]` : "";
        return apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.map((verb) =>
              `${role.metadata.namespace ?? ""}|${group}/${resource}${named}|${verb}`
            )
          )
        );
      })
    ),
  );
}
