/**
 * Whether an object has become what its spec asks for, in the sense of kstatus
 * (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus). It differs where a package
 * waits for more: for a Job's end rather than its beginning, for a failed Pod not to count as done, and
 * for the pods of what updates on delete.
 */
import {
  asObject,
  type Check,
  conditionOf,
  current,
  failed,
  inProgress,
  type ObjectHealth,
  text,
} from "./health_terms.ts";
import type { KubeObject } from "./kubernetes_object.ts";
import { OTHER_CHECKS } from "./other_health.ts";
import { WORKLOAD_CHECKS } from "./workload_health.ts";

export type { ObjectHealth } from "./health_terms.ts";

const CHECKS: Readonly<Record<string, Check>> = { ...WORKLOAD_CHECKS, ...OTHER_CHECKS };

/** Judges a live object. Kinds without a rule are judged by their conditions, if any. */
export function assessHealth(object: KubeObject): ObjectHealth {
  if (object.metadata.deletionTimestamp) return inProgress("is being deleted");
  const status = asObject(object.status);
  const generation = numberOf(object.metadata.generation);
  const observed = numberOf(status.observedGeneration);
  if (generation !== null && observed !== null && observed < generation) {
    return inProgress(`controller has seen generation ${observed} of ${generation}`);
  }
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0]! : "";
  const check = CHECKS[`${group}/${object.kind}`];
  return check ? check(asObject(object.spec), status) : checkConditions(object, generation);
}

/** Stalled and Reconciling speak first; of Ready and Available, the one that is there. */
function checkConditions({ status: value }: KubeObject, generation: number | null): ObjectHealth {
  const status = asObject(value);
  const stalled = conditionOf(status, "Stalled");
  if (stalled?.status === "True") {
    return failed(`Stalled: ${text(stalled.message) || text(stalled.reason)}`);
  }
  const reconciling = conditionOf(status, "Reconciling");
  if (reconciling?.status === "True") {
    return inProgress(`Reconciling: ${text(reconciling.message) || text(reconciling.reason)}`);
  }
  for (const type of ["Ready", "Available"]) {
    const condition = conditionOf(status, type);
    if (!condition) continue;
    const observed = numberOf(condition.observedGeneration);
    if (generation !== null && observed !== null && observed < generation) {
      return inProgress(`${type} speaks of generation ${observed} of ${generation}`);
    }
    if (condition.status === "True") return current(type);
    const why = text(condition.message) || text(condition.reason);
    return inProgress(`${type} is ${text(condition.status)}: ${why}`);
  }
  return current("exists");
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
