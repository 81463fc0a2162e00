/**
 * What of the cluster an execution holds while it is carried out, so that two of them never change the
 * same thing at once.
 */
import type { ObjectRef } from "./kubernetes_object.ts";

export interface Claim {
  readonly stream: string;
  /** Objects, whatever version of their API they were named in. */
  readonly objects: ReadonlySet<string>;
  /** Namespaces in which objects lie, and API groups that they belong to. */
  readonly places: ReadonlySet<string>;
  /** Namespaces as a whole, and groups in which a definition changes. */
  readonly whole: ReadonlySet<string>;
}

export function claimOf(stream: string, refs: readonly ObjectRef[]): Claim {
  const objects = new Set<string>();
  const places = new Set<string>();
  const whole = new Set<string>();
  for (const { apiVersion, kind, namespace, name } of refs) {
    const group = apiVersion.includes("/") ? apiVersion.split("/")[0]! : "";
    objects.add(JSON.stringify([group, kind, namespace ?? null, name]));
    places.add(`group ${group}`);
    if (namespace !== undefined) places.add(`namespace ${namespace}`);
    if (group === "" && kind === "Namespace") whole.add(`namespace ${name}`);
    // Named plural.group: the reference alone does not say which kind of the group it defines.
    const [, defined] = kind === "CustomResourceDefinition" ? /\.(.*)$/.exec(name) ?? [] : [];
    if (defined !== undefined) whole.add(`group ${defined}`);
  }
  return { stream, objects, places, whole };
}

/** Packages of one stream come one after the other, whatever they change. */
export function overlaps(a: Claim, b: Claim): boolean {
  return a.stream === b.stream || meet(a.objects, b.objects) || meet(a.whole, b.places) ||
    meet(a.places, b.whole);
}

function meet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const item of small) if (large.has(item)) return true;
  return false;
}
