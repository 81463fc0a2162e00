import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_KINDS, type ActionTarget, type Risk, RISKS } from "../../src/core/work_package.ts";
import { exceeds, judge, parsePolicy, type Policy } from "../../src/core/policy.ts";

const HEAD = "apiVersion: neuralops.io/v1\nkind: ExecutionPolicy\n";
const SHOP = parsePolicy(`${HEAD}
allow:
  - name: shop
    namespaces: [shop, team-*]
    kinds: [apps/v1/Deployment]
    actions: [apply, scale, restart]
  - name: namespaces
    clusterScoped: true
    kinds: [v1/Namespace]
    actions: [apply]
deny:
  - name: frozen
    namespaces: [team-frozen]
risk:
  - { name: scaling, actions: [scale], atLeast: medium }
`);

function target(
  action: ActionTarget["action"],
  namespace?: string,
  kind = "Deployment",
): ActionTarget {
  const apiVersion = kind === "Deployment" ? "apps/v1" : "v1";
  return {
    action,
    ref: { apiVersion, kind, name: "x", ...(namespace === undefined ? {} : { namespace }) },
  };
}

const judgeOne = (policy: Policy, one: ActionTarget, risk: Risk = "low") =>
  judge(policy, { risk, targets: [one] });

Deno.test("judge allows nothing when the policy is empty", () => {
  const verdict = judgeOne(parsePolicy(HEAD), target("apply", "shop"));
  assert.equal(verdict.allowed, false);
  assert.equal(verdict.reasons[0]!.reason, "no rule allows it");
});

Deno.test("judge names the rule that allowed or denied", () => {
  assert.equal(judgeOne(SHOP, target("apply", "shop")).reasons[0]!.rule, "shop");
  assert.equal(judgeOne(SHOP, target("apply", "team-a")).allowed, true);
  const frozen = judgeOne(SHOP, target("apply", "team-frozen"));
  assert.equal(frozen.allowed, false);
  assert.equal(frozen.reasons[0]!.rule, "frozen");
});

Deno.test("judge refuses what is close to an allowed target but not it", () => {
  for (
    const near of [
      target("delete", "shop"),
      target("apply", "shop2"),
      target("apply", "shop", "Secret"),
      target("apply", undefined, "Node"),
      target("apply"),
      target("apply", "kube-system", "Namespace"),
    ]
  ) {
    assert.equal(judgeOne(SHOP, near).allowed, false, JSON.stringify(near));
  }
});

Deno.test("judge allows cluster-scoped objects only by a rule that says so", () => {
  assert.equal(judgeOne(SHOP, target("apply", undefined, "Namespace")).allowed, true);
});

Deno.test("judge raises risk and never lowers it", () => {
  assert.equal(judgeOne(SHOP, target("scale", "shop"), "low").risk, "medium");
  assert.equal(judgeOne(SHOP, target("scale", "shop"), "high").risk, "high");
});

Deno.test("judge refuses above maxRisk and maxObjects", () => {
  const strict = { ...SHOP, maxRisk: "low" as const, maxObjects: 1 };
  assert.equal(judgeOne(strict, target("scale", "shop")).allowed, false);
  const two = judge(strict, {
    risk: "low",
    targets: [target("apply", "shop"), target("restart", "shop")],
  });
  assert.equal(two.allowed, false);
});

Deno.test("judge asks a person unless auto mode covers risk, namespaces and actions", () => {
  const auto = parsePolicy(`${HEAD}mode: auto
auto: { maxRisk: low, namespaces: [shop], actions: [restart] }
allow: [{ name: all, namespaces: [shop, other], kinds: [apps/v1/Deployment], actions: [apply, restart] }]
`);
  const approval = (one: ActionTarget, risk: Risk) => judgeOne(auto, one, risk).approval;
  assert.equal(approval(target("restart", "shop"), "low"), "not_required");
  assert.equal(approval(target("restart", "shop"), "medium"), "required");
  assert.equal(approval(target("apply", "shop"), "low"), "required");
  assert.equal(approval(target("restart", "other"), "low"), "required");
  assert.equal(
    judgeOne({ ...auto, mode: "manual" }, target("restart", "shop")).approval,
    "required",
  );
});

for (
  const [what, text, message] of [
    ["a rule without kinds", "allow: [{ name: a, namespaces: [n], actions: [apply] }]", "kinds"],
    [
      "a rule without scope",
      "allow: [{ name: a, kinds: [v1/Pod], actions: [apply] }]",
      "clusterScoped",
    ],
    [
      "a bare wildcard",
      "allow: [{ name: a, namespaces: ['*'], kinds: [v1/Pod], actions: [apply] }]",
      "prefix",
    ],
    ["an unknown key", "alow: []", "alow: unknown field"],
    ["a kind without version", "deny: [{ name: a, kinds: [Pod] }]", "apiVersion/Kind"],
  ] as const
) {
  Deno.test(`parsePolicy refuses ${what}`, () => {
    assert.throws(() => parsePolicy(`${HEAD}${text}\n`), (error: Error & { code: string }) => {
      assert.equal(error.code, "malformed_policy");
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
  });
}

const namespaceArb = fc.constantFrom("shop", "team-a", "team-b", "pay");
const kindArb = fc.constantFrom("apps/v1/Deployment", "v1/ConfigMap", "v1/Secret");
const actionArb = fc.constantFrom(...ACTION_KINDS);
const some = <T>(arb: fc.Arbitrary<T>) => fc.uniqueArray(arb, { minLength: 1, maxLength: 3 });
const allowArb = fc.record({
  name: fc.constant("allow"),
  namespaces: some(namespaceArb),
  clusterScoped: fc.boolean(),
  kinds: some(kindArb),
  actions: some(actionArb),
});
const denyArb = fc.record(
  {
    name: fc.constant("deny"),
    namespaces: some(namespaceArb),
    kinds: some(kindArb),
    actions: some(actionArb),
  },
  { requiredKeys: ["name"] },
);
const targetArb = fc.record({ kind: kindArb, namespace: namespaceArb, action: actionArb }).map(
  ({ kind, namespace, action }): ActionTarget => ({
    action,
    ref: {
      apiVersion: kind.slice(0, kind.lastIndexOf("/")),
      kind: kind.slice(kind.lastIndexOf("/") + 1),
      namespace,
      name: "x",
    },
  }),
);
const requestArb = fc.record({
  risk: fc.constantFrom(...RISKS),
  targets: fc.array(targetArb, { minLength: 1, maxLength: 4 }),
});
const policyArb = fc.record({
  mode: fc.constantFrom("manual" as const, "auto" as const),
  maxRisk: fc.constantFrom(...RISKS),
  allow: fc.array(allowArb, { maxLength: 3 }),
  deny: fc.array(denyArb, { maxLength: 2 }),
}).map((part) => ({ ...SHOP, ...part, risk: [] }) as Policy);

Deno.test("adding a deny rule never permits anything", () => {
  fc.assert(fc.property(policyArb, denyArb, requestArb, (policy, deny, request) => {
    const before = judge(policy, request);
    const after = judge({ ...policy, deny: [...policy.deny, deny] } as Policy, request);
    assert.ok(before.allowed || !after.allowed);
  }));
});

Deno.test("removing an allow rule never permits anything", () => {
  fc.assert(fc.property(policyArb, requestArb, (policy, request) => {
    const fewer = judge({ ...policy, allow: policy.allow.slice(1) }, request);
    assert.ok(judge(policy, request).allowed || !fewer.allowed);
  }));
});

Deno.test("adding a risk rule never lowers risk, permits, or spares an approval", () => {
  const riskArb = fc.record({ name: fc.constant("r"), atLeast: fc.constantFrom(...RISKS) });
  fc.assert(fc.property(policyArb, riskArb, requestArb, (policy, rule, request) => {
    const before = judge(policy, request);
    const after = judge({ ...policy, risk: [rule] }, request);
    assert.ok(!exceeds(before.risk, after.risk));
    assert.ok(before.allowed || !after.allowed);
    assert.ok(before.approval === "not_required" || after.approval === "required");
  }));
});
