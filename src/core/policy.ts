/**
 * The local execution policy: what this cluster's owner lets any work package do, whoever signed it.
 * Nothing is allowed by omission; a deny always wins; risk can only be raised.
 */
import * as z from "zod";
import { InvalidInputError } from "../errors.ts";
import { parseYamlDocument, YamlProblem } from "./bounded_yaml.ts";
import { parseDuration } from "./duration.ts";
import { VERBS } from "./policy/terms.ts";
import { WindowSchema } from "./policy/window.ts";
import { describeIssues } from "./schema_problem.ts";
import { ACTION_KINDS, RISKS } from "./work_package.ts";

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
const verbs = z.array(z.enum(VERBS)).min(1).describe("what the plan says happens to the object");
const windows = z.array(WindowSchema).min(1).max(20).describe("any one of them must be open");
const validFor = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1000) return ms;
  context.addIssue({ code: "custom", message: "must be a duration of 1s or more, such as 1h" });
  return z.NEVER;
});

const AllowRule = z.strictObject({
  name: ruleName,
  namespaces: namespaces.optional(),
  clusterScoped: z.boolean().default(false).describe("also allows objects without a namespace"),
  kinds,
  actions,
  verbs: verbs.optional(),
  windows: windows.optional(),
}).refine((rule) => rule.namespaces !== undefined || rule.clusterScoped, {
  message: "must name namespaces or set clusterScoped",
});

/** In a deny or risk rule an omitted selector matches everything: leaving out widens the refusal. */
const Selector = {
  name: ruleName,
  namespaces: namespaces.optional(),
  kinds: kinds.optional(),
  actions: actions.optional(),
  verbs: verbs.optional(),
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
    maxObjects: z.int().min(1).max(100).optional(),
    namespaces: namespaces.optional(),
    kinds: kinds.optional(),
    actions: actions.optional(),
    verbs: verbs.optional(),
    windows: windows.optional(),
  }).prefault({}).describe("bounds of auto mode; outside them a person is asked as in manual mode"),
  approval: z.strictObject({
    count: z.int().min(1).max(10).default(1).describe("how many persons must approve a plan"),
    validFor: validFor.optional()
      .describe(
        "how long an approval counts, until the change has begun; else while the package is valid",
      ),
  }).prefault({}).describe("what it takes where a person is asked"),
  maxRisk: z.enum(RISKS).default("high").describe("above it a package is refused"),
  maxObjects: z.int().min(1).max(100).default(20),
  allow: z.array(AllowRule).max(200).default([]),
  deny: z.array(z.strictObject({ ...Selector, windows: windows.optional() })).max(200).default([]),
  risk: z.array(z.strictObject({ ...Selector, atLeast: z.enum(RISKS) })).max(200).default([]),
});

export type Policy = z.infer<typeof PolicySchema>;

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
