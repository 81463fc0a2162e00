/** The health of built-in kinds that run no pods. */
import {
  asObject,
  atLeast,
  type Check,
  conditionOf,
  current,
  failed,
  inProgress,
  numberAt,
  type ObjectHealth,
  text,
} from "./health_terms.ts";
import type { JsonObject } from "./kubernetes_object.ts";

export const OTHER_CHECKS: Readonly<Record<string, Check>> = {
  "/Service": checkService,
  // Many ingress controllers never write an address, so none is waited for.
  "networking.k8s.io/Ingress": () => current("exists"),
  "/Namespace": (_spec, status) =>
    status.phase === "Terminating" ? inProgress("is being deleted") : current("Active"),
  "/PersistentVolumeClaim": (_spec, status) => {
    if (status.phase === "Bound") return current("Bound");
    return status.phase === "Lost" ? failed("its volume is lost") : inProgress(phaseOf(status));
  },
  "/PersistentVolume": (_spec, status) => {
    if (status.phase === "Failed") return failed(text(status.message) || "Failed");
    return status.phase === undefined || status.phase === "Pending"
      ? inProgress(phaseOf(status))
      : current(text(status.phase));
  },
  "policy/PodDisruptionBudget": (_spec, status) =>
    status.observedGeneration === undefined
      ? inProgress("not yet seen by its controller")
      : atLeast(
        "healthy pods",
        numberAt(status, "currentHealthy"),
        numberAt(status, "desiredHealthy"),
      ),
  "apiextensions.k8s.io/CustomResourceDefinition": checkDefinition,
  "apiregistration.k8s.io/APIService": (_spec, status) => {
    const available = conditionOf(status, "Available");
    return available?.status === "True"
      ? current("Available")
      : inProgress(`not available: ${text(available?.message)}`);
  },
};

function checkService(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (spec.type !== "LoadBalancer") return current("exists");
  const ingress = asObject(status.loadBalancer).ingress;
  return Array.isArray(ingress) && ingress.length > 0
    ? current("has an address")
    : inProgress("waits for a load balancer address");
}

function checkDefinition(_spec: JsonObject, status: JsonObject): ObjectHealth {
  const refused = conditionOf(status, "NamesAccepted");
  if (refused?.status === "False") return failed(`names not accepted: ${text(refused.message)}`);
  return conditionOf(status, "Established")?.status === "True"
    ? current("Established")
    : inProgress("not yet established");
}

function phaseOf(status: JsonObject): string {
  return `phase is ${text(status.phase) || "not known yet"}`;
}
