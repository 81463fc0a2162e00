/** Why the policy says what it says: every rule against every target, for `policy check`. */
import type { Policy } from "../policy.ts";
import {
  doesAllow,
  doesDeny,
  judgeUntil,
  matchAllow,
  type PolicyRequest,
  type TimedVerdict,
} from "./judge.ts";
import { type Match, matchTerms, type PolicyTarget, possibleVerbs } from "./terms.ts";
import { formatWindow, type Window } from "./window.ts";

export interface RuleReading {
  readonly effect: "allow" | "deny" | "risk";
  readonly rule: string;
  /** `unsure`: the verb decides, which only a plan can tell. */
  readonly matches: "yes" | "no" | "unsure";
  /** In words: what did not fit, or why it is unsure; empty for a plain yes. */
  readonly because: string;
}

export interface TargetReading {
  readonly subject: string;
  readonly allowed: boolean;
  /** The rule that decided; null where none spoke. */
  readonly decidedBy: string | null;
  readonly reason: string;
  readonly rules: readonly RuleReading[];
}

export interface Explanation {
  readonly at: string;
  readonly allowed: boolean;
  /** When a window opens in which it is allowed; null when it is so at once, or never while it is valid. */
  readonly opensAt: string | null;
  readonly risk: string;
  readonly targets: readonly TargetReading[];
  /** Bounds of the whole package that it breaks. */
  readonly limits: readonly string[];
  readonly autoMode: { readonly holds: boolean; readonly breaks: readonly string[] };
  readonly approvals: { readonly needed: number; readonly validForMs: number | null };
}

/** @param untilMs when the package ends to be valid; epoch ms */
export function explain(policy: Policy, request: PolicyRequest, untilMs: number): Explanation {
  const verdict: TimedVerdict = judgeUntil(policy, request, untilMs);
  const atMs = verdict.opensAtMs ?? request.atMs;
  const { length } = request.targets;
  return {
    at: new Date(request.atMs).toISOString(),
    allowed: verdict.allowed,
    opensAt: verdict.opensAtMs === null ? null : new Date(verdict.opensAtMs).toISOString(),
    risk: verdict.risk,
    // The judge answers for each target in order, and for the package after them.
    targets: request.targets.map((target, index) => {
      const { subject, allowed, rule, reason } = verdict.reasons[index]!;
      const rules = readRules(policy, target, atMs);
      return { subject, allowed, decidedBy: rule, reason, rules };
    }),
    limits: verdict.reasons.slice(length).map(({ rule, reason }) => `${rule}: ${reason}`),
    autoMode: { holds: verdict.whyApproval.length === 0, breaks: verdict.whyApproval },
    approvals: {
      needed: verdict.approval === "required" ? policy.approval.count : 0,
      validForMs: policy.approval.validFor ?? null,
    },
  };
}

function readRules(policy: Policy, target: PolicyTarget, atMs: number): RuleReading[] {
  const read = (
    effect: RuleReading["effect"],
    rule: { name: string; windows?: readonly Window[] | undefined },
    match: Match,
  ): RuleReading => {
    const speaks = effect === "allow" ? doesAllow(match) : doesDeny(match);
    const matches = match.misses.length > 0 ? "no" : match.isUnsure ? "unsure" : "yes";
    const because = match.misses.map((term) =>
      term === "window"
        ? `outside its windows (${(rule.windows ?? []).map(formatWindow).join("; ")})`
        : `another ${term}`
    );
    const unsure = `${possibleVerbs(target).join(" or ")}: the plan decides${
      speaks ? "; let through until then" : ""
    }`;
    return {
      effect,
      rule: rule.name,
      matches,
      because: matches === "unsure" ? unsure : because.join(", "),
    };
  };
  return [
    ...policy.deny.map((rule) => read("deny", rule, matchTerms(rule, target, atMs))),
    ...policy.allow.map((rule) => read("allow", rule, matchAllow(rule, target, atMs))),
    ...policy.risk.map((rule) => read("risk", rule, matchTerms(rule, target, atMs))),
  ];
}
