/**
 * The local execution policy: what this cluster's owner lets any work package do, whoever signed it.
 * Nothing is allowed by omission; a deny always wins; risk can only be raised.
 */
import { z } from "zod";
import { InvalidInputError } from "../errors.ts";
import { parseYamlDocument, YamlProblem } from "./bounded_yaml.ts";
import { formatKind, formatRef, type ObjectRef } from "./kubernetes_object.ts";
import { describeIssues } from "./schema_problem.ts";
import {
  ACTION_KINDS,
  type ActionKind,
  type ActionTarget,
  type Risk,
  RISKS,
} from "./work_package.ts";

const pattern = z.string().regex(
  /^[a-z0-9][a-z0-9.-]*\*?$/,
  "must be a namespace, or a prefix that ends in *, such as team-*",
);
const kind = z.string().regex(
  /^([a-z0-9.-]+\/)?v[a-z0-9]+\/[A-Z][A-Za-z0-9]*$/,
  "must be apiVersion/Kind, such as apps/v1/Deployment",
);
const ruleName = z.string().min(1).max(100);
const namespaces = z.array(pattern).min(1);
const kinds = z.array(kind).min(1);
const actions = z.array(z.enum(ACTION_KINDS)).min(1);

const AllowRule = z.strictObject({
  name: ruleName,
  namespaces: namespaces.optional(),
  clusterScoped: z.boolean().default(false).describe("also allows objects without a namespace"),
  kinds,
  actions,
}).refine((rule) => rule.namespaces !== undefined || rule.clusterScoped, {
  message: "must name namespaces or set clusterScoped",
});

/** In a deny or risk rule an omitted selector matches everything: leaving out widens the refusal. */
const Selector = {
  name: ruleName,
  namespaces: namespaces.optional(),
  kinds: kinds.optional(),
  actions: actions.optional(),
};

export const PolicySchema = z.strictObject({
  apiVersion: z.literal("neuralops.io/v1"),
  kind: z.literal("ExecutionPolicy"),
  mode: z.enum(["manual", "auto"]).default("manual")
    .describe(
      "manual: a person approves every plan; auto: within the bounds of `auto` none is asked",
    ),
  auto: z.strictObject({
    maxRisk: z.enum(RISKS).default("low"),
    namespaces: namespaces.optional(),
    actions: actions.optional(),
  }).prefault({}).describe("bounds of auto mode; outside them a person is asked as in manual mode"),
  maxRisk: z.enum(RISKS).default("high").describe("above it a package is refused"),
  maxObjects: z.int().min(1).max(100).default(20),
  allow: z.array(AllowRule).max(200).default([]),
  deny: z.array(z.strictObject(Selector)).max(200).default([]),
  risk: z.array(z.strictObject({ ...Selector, atLeast: z.enum(RISKS) })).max(200).default([]),
});

export type Policy = z.infer<typeof PolicySchema>;
type RuleSelector = {
  namespaces?: string[] | undefined;
  kinds?: string[] | undefined;
  actions?: ActionKind[] | undefined;
};

export interface RuleVerdict {
  readonly subject: string;
  readonly allowed: boolean;
  /** The rule that decided, or null where no rule spoke. */
  readonly rule: string | null;
  readonly reason: string;
}

export interface PolicyVerdict {
  readonly allowed: boolean;
  /** Who must agree before the plan is carried out. */
  readonly approval: "required" | "not_required";
  /** The package's own risk, or higher where a rule raised it. */
  readonly risk: Risk;
  readonly reasons: readonly RuleVerdict[];
}

/** Throws InvalidInputError `malformed_policy`. */
export function parsePolicy(bytes: Uint8Array | string): Policy {
  let document: unknown;
  try {
    document = parseYamlDocument(bytes);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new InvalidInputError("malformed_policy", `The policy ${error.message}`, {
      cause: error,
    });
  }
  const parsed = PolicySchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    "malformed_policy",
    `The policy is not valid: ${describeIssues(parsed.error, document).join("; ")}`,
    { hint: "see docs/policies/byoc_security.md" },
  );
}

/** Judges every target by every rule and says which one decided. Total: never throws. */
export function judge(
  policy: Policy,
  request: { readonly risk: Risk; readonly targets: readonly ActionTarget[] },
): PolicyVerdict {
  const risk = raisedRisk(policy, request);
  const reasons = request.targets.map((target) => judgeTarget(policy, target));
  if (request.targets.length > policy.maxObjects) {
    reasons.push({
      subject: "package",
      allowed: false,
      rule: "maxObjects",
      reason: `touches ${request.targets.length} objects, at most ${policy.maxObjects} are allowed`,
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
  return {
    allowed: reasons.every((reason) => reason.allowed),
    approval: isAutomatic(policy, risk, request.targets) ? "not_required" : "required",
    risk,
    reasons,
  };
}

function judgeTarget(policy: Policy, target: ActionTarget): RuleVerdict {
  const subject = `${target.action} ${formatRef(target.ref)}`;
  const deny = policy.deny.find((rule) => matches(rule, target));
  if (deny) {
    return { subject, allowed: false, rule: deny.name, reason: `denied by rule ${deny.name}` };
  }
  const allow = policy.allow.find((rule) =>
    matches({ kinds: rule.kinds, actions: rule.actions }, target) &&
    (target.ref.namespace === undefined
      ? rule.clusterScoped
      : matchesNamespace(rule.namespaces ?? [], target.ref))
  );
  return allow
    ? { subject, allowed: true, rule: allow.name, reason: `allowed by rule ${allow.name}` }
    : { subject, allowed: false, rule: null, reason: "no rule allows it" };
}

function isAutomatic(policy: Policy, risk: Risk, targets: readonly ActionTarget[]): boolean {
  return policy.mode === "auto" && !exceeds(risk, policy.auto.maxRisk) &&
    targets.every((target) =>
      matches({ namespaces: policy.auto.namespaces, actions: policy.auto.actions }, target)
    );
}

function raisedRisk(
  policy: Policy,
  { risk, targets }: { risk: Risk; targets: readonly ActionTarget[] },
): Risk {
  return policy.risk
    .filter((rule) => targets.some((target) => matches(rule, target)))
    .reduce((highest, rule) => exceeds(rule.atLeast, highest) ? rule.atLeast : highest, risk);
}

function matches(rule: RuleSelector, { action, ref }: ActionTarget): boolean {
  return (rule.actions?.includes(action) ?? true) &&
    (rule.kinds?.includes(formatKind(ref)) ?? true) &&
    (rule.namespaces === undefined || matchesNamespace(rule.namespaces, ref));
}

function matchesNamespace(patterns: readonly string[], ref: ObjectRef): boolean {
  const { namespace } = ref;
  return namespace !== undefined &&
    patterns.some((pattern) =>
      pattern.endsWith("*") ? namespace.startsWith(pattern.slice(0, -1)) : namespace === pattern
    );
}

export function exceeds(risk: Risk, limit: Risk): boolean {
  return RISKS.indexOf(risk) > RISKS.indexOf(limit);
}
