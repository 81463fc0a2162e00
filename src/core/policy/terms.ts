/** What a rule asks of a target: namespaces, kinds, actions, verbs, windows. */
import { formatKind, type ObjectRef } from "../kubernetes_object.ts";
import type { PlanVerb } from "../plan.ts";
import type { ActionKind, ActionTarget } from "../work_package.ts";
import { isInside, type Window } from "./window.ts";

export const VERBS = ["create", "change", "delete"] as const;
export type Verb = typeof VERBS[number];

/** What is left out matches everything. */
export interface Terms {
  readonly namespaces?: readonly string[] | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly actions?: readonly ActionKind[] | undefined;
  readonly verbs?: readonly Verb[] | undefined;
  readonly windows?: readonly Window[] | undefined;
}

export type Term = "namespace" | "kind" | "action" | "verb" | "window";

export interface PolicyTarget extends ActionTarget {
  /** From the plan; before there is one, only the action's possible verbs are known. */
  readonly verb?: PlanVerb | undefined;
}

export interface Match {
  /** The terms that do not fit, whatever the plan will say. */
  readonly misses: readonly Term[];
  /** It fits for some of the verbs that are possible yet, or nothing happens to the object at all. */
  readonly isUnsure: boolean;
}

/** Every other action may do anything. */
const POSSIBLE: Readonly<Partial<Record<ActionKind, readonly Verb[]>>> = {
  apply: ["create", "change"],
  scale: ["change"],
  restart: ["change"],
  delete: ["delete"],
};

export function possibleVerbs({ action, verb }: PolicyTarget): readonly Verb[] {
  if (verb === undefined) return POSSIBLE[action] ?? VERBS;
  return verb === "unchanged" ? [] : [verb];
}

/** @param atMs when it is to happen, epoch ms */
export function matchTerms(terms: Terms, target: PolicyTarget, atMs: number): Match {
  const { action, ref } = target;
  const possible = possibleVerbs(target);
  const fitting = possible.filter((verb) => terms.verbs?.includes(verb) ?? true);
  const fits: readonly (readonly [Term, boolean])[] = [
    ["namespace", terms.namespaces === undefined || matchesNamespace(terms.namespaces, ref)],
    ["kind", terms.kinds?.includes(formatKind(ref)) ?? true],
    ["action", terms.actions?.includes(action) ?? true],
    ["verb", possible.length === 0 || fitting.length > 0],
    ["window", terms.windows?.some((window) => isInside(window, atMs)) ?? true],
  ];
  return {
    misses: fits.filter(([, fit]) => !fit).map(([term]) => term),
    isUnsure: terms.verbs !== undefined &&
      (possible.length === 0 || fitting.length < possible.length),
  };
}

export function matchesNamespace(patterns: readonly string[], { namespace }: ObjectRef): boolean {
  return namespace !== undefined &&
    patterns.some((pattern) =>
      pattern.endsWith("*") ? namespace.startsWith(pattern.slice(0, -1)) : namespace === pattern
    );
}
