/** What the policy says to a package at one moment, and when that changes. Total: never throws. */
import { formatRef } from "../kubernetes_object.ts";
import type { Policy } from "../policy.ts";
import { type Risk, RISKS } from "../work_package.ts";
import { type Match, matchesNamespace, matchTerms, type PolicyTarget } from "./terms.ts";
import { isInside, nextChange, type Window } from "./window.ts";

export interface PolicyRequest {
  readonly risk: Risk;
  readonly targets: readonly PolicyTarget[];
  /** When it is to happen, epoch ms. */
  readonly atMs: number;
}

export interface RuleVerdict {
  readonly subject: string;
  readonly allowed: boolean;
  /** The rule that decided, or null where no rule spoke. */
  readonly rule: string | null;
  readonly reason: string;
}

export interface PolicyVerdict {
  readonly allowed: boolean;
  /** Whether persons must agree before the plan is carried out. */
  readonly approval: "required" | "not_required";
  /** Why no package of this kind goes without them; empty where auto mode holds. */
  readonly whyApproval: readonly string[];
  /** The package's own risk, or higher where a rule raised it. */
  readonly risk: Risk;
  readonly reasons: readonly RuleVerdict[];
}

/** Enough to bound the search; with windows of minutes a fortnight has more changes. */
const MAX_CHANGES = 1000;

/** Judges every target by every rule and says which one decided. */
export function judge(policy: Policy, request: PolicyRequest): PolicyVerdict {
  const { targets, atMs } = request;
  const risk = raisedRisk(policy, request);
  const reasons = targets.map((target) => judgeTarget(policy, target, atMs));
  if (targets.length > policy.maxObjects) {
    reasons.push({
      subject: "package",
      allowed: false,
      rule: "maxObjects",
      reason: `touches ${targets.length} objects, at most ${policy.maxObjects} are allowed`,
    });
  }
  if (exceeds(risk, policy.maxRisk)) {
    reasons.push({
      subject: "package",
      allowed: false,
      rule: "maxRisk",
      reason: `risk is ${risk}, at most ${policy.maxRisk} is allowed`,
    });
  }
  const whyApproval = brokenBounds(policy, request, risk);
  return {
    allowed: reasons.every((reason) => reason.allowed),
    approval: whyApproval.length === 0 ? "not_required" : "required",
    whyApproval,
    risk,
    reasons,
  };
}

export interface TimedVerdict extends PolicyVerdict {
  /** null when it is so now; otherwise the verdict is that of this later moment, epoch ms. */
  readonly opensAtMs: number | null;
}

/** The verdict of now if that allows it, else of the first moment before `untilMs` that does. */
export function judgeUntil(policy: Policy, request: PolicyRequest, untilMs: number): TimedVerdict {
  const now = judge(policy, request);
  if (now.allowed) return { ...now, opensAtMs: null };
  const windows = windowsOf(policy);
  let atMs: number | null = request.atMs;
  for (let changes = 0; changes < MAX_CHANGES; changes += 1) {
    atMs = earliest(windows.map((window) => nextChange(window, atMs!, untilMs)));
    if (atMs === null) break;
    const later = judge(policy, { ...request, atMs });
    if (later.allowed) return { ...later, opensAtMs: atMs };
  }
  return { ...now, opensAtMs: null };
}

/** An allow rule may allow what is not certain yet: the plan will tell, and is judged again. */
export function doesAllow({ misses }: Match): boolean {
  return misses.length === 0;
}

/** A deny or risk rule speaks only of what is certain. */
export function doesDeny({ misses, isUnsure }: Match): boolean {
  return misses.length === 0 && !isUnsure;
}

/** An allow rule reaches objects without a namespace only where it says so. */
export function matchAllow(
  { namespaces, clusterScoped, ...terms }: Policy["allow"][number],
  target: PolicyTarget,
  atMs: number,
): Match {
  const match = matchTerms(terms, target, atMs);
  const isInScope = target.ref.namespace === undefined
    ? clusterScoped
    : matchesNamespace(namespaces ?? [], target.ref);
  return isInScope ? match : { ...match, misses: ["namespace", ...match.misses] };
}

export function exceeds(risk: Risk, limit: Risk): boolean {
  return RISKS.indexOf(risk) > RISKS.indexOf(limit);
}

export function formatTarget({ action, ref }: PolicyTarget): string {
  return `${action} ${formatRef(ref)}`;
}

function judgeTarget(policy: Policy, target: PolicyTarget, atMs: number): RuleVerdict {
  const subject = formatTarget(target);
  const deny = policy.deny.find((rule) => doesDeny(matchTerms(rule, target, atMs)));
  if (deny) {
    return { subject, allowed: false, rule: deny.name, reason: `denied by rule ${deny.name}` };
  }
  const matches = policy.allow.map((rule) => ({ rule, match: matchAllow(rule, target, atMs) }));
  const allow = matches.find(({ match }) => doesAllow(match))?.rule;
  if (allow) {
    return { subject, allowed: true, rule: allow.name, reason: `allowed by rule ${allow.name}` };
  }
  // The rule that came closest says most about what to mend.
  const near = matches.find(({ match: { misses } }) => misses.length === 1);
  const term = near?.match.misses[0];
  const reason = term === "window"
    ? `rule ${near!.rule.name} allows it, but not at this time`
    : term === "verb"
    ? `rule ${near!.rule.name} allows it, but not to ${target.verb ?? "do what it does"}`
    : "no rule allows it";
  return { subject, allowed: false, rule: null, reason };
}

/** The bounds of auto mode that the package breaks; manual mode is one. */
function brokenBounds({ mode, auto }: Policy, request: PolicyRequest, risk: Risk): string[] {
  if (mode === "manual") return ["mode is manual"];
  const { targets, atMs } = request;
  const broken: string[] = [];
  if (exceeds(risk, auto.maxRisk)) broken.push(`auto.maxRisk: risk is ${risk}`);
  if (targets.length > (auto.maxObjects ?? Infinity)) {
    broken.push(`auto.maxObjects: ${targets.length} objects`);
  }
  const { windows, ...terms } = auto;
  for (const target of targets) {
    const { misses, isUnsure } = matchTerms(terms, target, atMs);
    for (const term of misses) broken.push(`auto.${term}s: ${formatTarget(target)}`);
    if (misses.length === 0 && isUnsure && target.verb !== "unchanged") {
      broken.push(`auto.verbs: ${formatTarget(target)}, as far as is known without a plan`);
    }
  }
  if (windows?.every((window) => !isInside(window, atMs))) {
    broken.push("auto.windows: none is open");
  }
  return broken;
}

function raisedRisk(policy: Policy, { risk, targets, atMs }: PolicyRequest): Risk {
  return policy.risk
    .filter((rule) => targets.some((target) => doesDeny(matchTerms(rule, target, atMs))))
    .reduce((highest, rule) => exceeds(rule.atLeast, highest) ? rule.atLeast : highest, risk);
}

function windowsOf(policy: Policy): Window[] {
  const all = [...policy.allow, ...policy.deny].flatMap(({ windows }) => windows ?? []);
  return [...new Map(all.map((window) => [JSON.stringify(window), window])).values()];
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}
