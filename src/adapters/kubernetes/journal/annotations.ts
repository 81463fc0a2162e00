/** Decisions as annotations of executions; believed only while the API server itself holds the names on them. */
import {
  type AnnotatedDecision,
  ANSWER,
  DECISION,
  findDecision,
} from "../../../core/annotated_decision.ts";
import { canonicalJson } from "../../../core/canonical_json.ts";
import type { DecisionAnnotations } from "../../../execution/decision_annotations.ts";
import { ConnectorError, RefusedError } from "../../../errors.ts";
import { type JournalStore, LABELS } from "./store.ts";

export const GUARD = "docs/examples/approval-policy.yaml";
/** How the first rule of that file words its refusal; other rules and policies prove nothing about names. */
const GUARD_REFUSAL =
  /forbidden: ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: neuralops-approvals\/v1: /;
/** No user of a cluster is called so, and least of all the connector's own. */
const FALSE_NAME = "neuralops.io/nobody";
const MAX_TRIES = 5;
const MAX_ANSWER = 1000;

export class KubernetesAnnotations implements DecisionAnnotations {
  constructor(private readonly store: JournalStore) {}

  async list(): Promise<readonly AnnotatedDecision[]> {
    const found: AnnotatedDecision[] = [];
    const open = this.store.list("executions", { selector: `${LABELS.open}=true` });
    for await (const { metadata } of open) {
      const decision = findDecision(metadata);
      if (decision) found.push(decision);
    }
    return found;
  }

  async assertGuarded(executionId: string): Promise<void> {
    try {
      await this.store.rehearse("executions", executionId, {
        metadata: { annotations: { [DECISION.approveAs]: FALSE_NAME } },
      });
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== "admission_denied") throw error;
      if (GUARD_REFUSAL.test(error.message)) return;
      throw unguarded(`refused it for another reason than the name (${error.message})`, error);
    }
    throw unguarded("would have taken it");
  }

  async answer(decision: AnnotatedDecision, text: string): Promise<boolean> {
    const { executionId, annotations } = decision;
    const gone = Object.fromEntries(Object.keys(annotations).map((key) => [key, null]));
    const change = { metadata: { annotations: { ...gone, [ANSWER]: clip(text) } } };
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const object = await this.store.find("executions", executionId);
      const present = findDecision(object?.metadata);
      if (!object || !present) return true;
      if (canonicalJson(present.annotations) !== canonicalJson(annotations)) return true;
      const version = String(object.metadata.resourceVersion);
      if (await this.store.patch("executions", executionId, version, change)) return true;
    }
    return false;
  }
}

function unguarded(what: string, cause?: ConnectorError): RefusedError {
  return new RefusedError(
    "approver_unproven",
    `Nothing keeps a user from writing another's name on an execution: the API server ${what}`,
    { ...(cause ? { cause } : {}), hint: `install the policy: kubectl apply -f ${GUARD}` },
  );
}

function clip(text: string): string {
  return text.length > MAX_ANSWER ? `${text.slice(0, MAX_ANSWER).toWellFormed()}…` : text;
}
