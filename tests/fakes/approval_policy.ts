/** The first rule of docs/examples/approval-policy.yaml, for the embedded API server, which has no such policies. */
import { DECISION } from "../../src/core/annotated_decision.ts";
import type { EmbeddedKubernetes } from "../../src/embedded/kubernetes/server.ts";

type Annotated = { readonly metadata?: { readonly annotations?: Record<string, string> } };

/** @param user whose name alone may stand on a decision; everybody has one name there */
export function guardNames(kubernetes: EmbeddedKubernetes, user: string): void {
  kubernetes.hooks.admission = ({ resource, namespace, name }, object) => {
    if (resource !== "workpackageexecutions" || object === null) return null;
    const live = kubernetes.store.get(
      "neuralops.io/v1",
      "WorkPackageExecution",
      namespace,
      name,
    );
    const before = live?.metadata.annotations ?? {};
    const after = (object as Annotated).metadata?.annotations ?? {};
    const keys = Object.values(DECISION);
    const changes = keys.some((key) => before[key] !== after[key]);
    const has = keys.some((key) => key in after);
    if (!changes || !has || after[DECISION.approveAs] === user) return null;
    return {
      code: 403,
      reason: "Forbidden",
      message: `workpackageexecutions.neuralops.io "${name}" is forbidden: ` +
        "ValidatingAdmissionPolicy 'neuralops-approvals' with binding 'neuralops-approvals' " +
        `denied request: neuralops-approvals/v1: ${DECISION.approveAs} must be "${user}", ` +
        "the user of this request",
    };
  };
}
