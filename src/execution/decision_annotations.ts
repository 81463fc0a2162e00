/** The port to decisions that persons leave on executions in the cluster. */
import type { AnnotatedDecision } from "../core/annotated_decision.ts";

export interface DecisionAnnotations {
  /** Those on executions that are not settled. */
  list(): Promise<readonly AnnotatedDecision[]>;
  /**
   * Whether the API server refuses a false name on this execution at this moment.
   * Throws RefusedError `approver_unproven` unless it does, and whatever a request throws.
   */
  assertGuarded(executionId: string): Promise<void>;
  /**
   * Puts the answer in its place, unless it was changed meanwhile or the execution is gone.
   * @returns whether the decision has been seen not to stand there any more
   */
  answer(decision: AnnotatedDecision, text: string): Promise<boolean>;
}
