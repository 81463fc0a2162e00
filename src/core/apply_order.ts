/**
 * What must come first inside one package: a Namespace before what lies in it, a
 * CustomResourceDefinition before the objects of its kind.
 */
import {
  formatRef,
  isJsonObject,
  type KubeObject,
  type ObjectRef,
  refOf,
} from "./kubernetes_object.ts";

/** An object of the same package without which another one cannot even be tried. */
export interface Prerequisite {
  readonly gives: "namespace" | "definition";
  readonly ref: ObjectRef;
  /** Of a definition: the scope of what it defines. */
  readonly namespaced?: boolean;
}

/** Namespaces and definitions first; the author's order otherwise. */
export function inApplyOrder(objects: readonly KubeObject[]): KubeObject[] {
  const isFirst = (object: KubeObject) => isNamespace(object) || isDefinition(object);
  return [...objects.filter(isFirst), ...objects.filter((object) => !isFirst(object))];
}

/** @param earlier what the package applies before `object` */
export function prerequisitesOf(
  object: KubeObject,
  earlier: readonly KubeObject[],
): Prerequisite[] {
  const { namespace } = object.metadata;
  return earlier.flatMap((candidate): Prerequisite[] => {
    if (isNamespace(candidate) && candidate.metadata.name === namespace) {
      return [{ gives: "namespace", ref: refOf(candidate) }];
    }
    if (!isDefinition(candidate) || !defines(candidate, object)) return [];
    const namespaced = specOf(candidate).scope === "Namespaced";
    return [{ gives: "definition", ref: refOf(candidate), namespaced }];
  });
}

/** For the plan, of an object that cannot be tried before the package is carried out. */
export function uncheckedBecause({ gives, ref }: Prerequisite): string {
  return `checked only at apply: its ${gives} is created by this package (${formatRef(ref)})`;
}

function isNamespace({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === "v1" && kind === "Namespace";
}

function isDefinition({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion.startsWith("apiextensions.k8s.io/") && kind === "CustomResourceDefinition";
}

function defines(definition: KubeObject, { apiVersion, kind }: KubeObject): boolean {
  const { group, names } = specOf(definition);
  return isJsonObject(names) && names.kind === kind && apiVersion.startsWith(`${group}/`);
}

function specOf({ spec }: KubeObject) {
  return isJsonObject(spec) ? spec : {};
}
