import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTION_KINDS, type ActionTarget, type Risk, RISKS } from "../../src/core/work_package.ts";
import { parsePolicy, type Policy } from "../../src/core/policy.ts";
import {
  exceeds,
  judge as judgeAt,
  judgeUntil,
  type PolicyRequest,
} from "../../src/core/policy/judge.ts";
import { type PolicyTarget, VERBS } from "../../src/core/policy/terms.ts";
import { DAYS } from "../../src/core/policy/window.ts";

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

/** A Wednesday, 14:00 in Berlin. */
const NOON = Date.parse("2026-11-25T13:00:00Z");
const HOUR = 3_600_000;
const judge = (policy: Policy, request: Omit<PolicyRequest, "atMs"> & { atMs?: number }) =>
  judgeAt(policy, { atMs: NOON, ...request });
const judgeOne = (policy: Policy, one: PolicyTarget, risk: Risk = "low", atMs = NOON) =>
  judge(policy, { risk, targets: [one], atMs });

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

const create = (one: ActionTarget): PolicyTarget => ({ ...one, verb: "create" });
const change = (one: ActionTarget): PolicyTarget => ({ ...one, verb: "change" });

Deno.test("judge lets a verb be decided by the plan, and judges it then", () => {
  const only = parsePolicy(`${HEAD}
allow: [{ name: all, namespaces: [shop], kinds: [apps/v1/Deployment], actions: [apply], verbs: [change] }]
`);
  const apply = target("apply", "shop");
  assert.equal(judgeOne(only, apply).allowed, true, "it may be a change");
  assert.equal(judgeOne(only, change(apply)).allowed, true);
  const created = judgeOne(only, create(apply));
  assert.equal(created.allowed, false);
  assert.match(created.reasons[0]!.reason, /rule all allows it, but not to create/);
  assert.equal(judgeOne(only, { ...apply, verb: "unchanged" }).allowed, true);
});

Deno.test("judge denies by a verb only when it is certain", () => {
  const never = parsePolicy(`${HEAD}
allow: [{ name: all, namespaces: [shop], kinds: [apps/v1/Deployment], actions: [apply, delete] }]
deny: [{ name: nothing new, verbs: [create] }, { name: keep, verbs: [delete] }]
`);
  assert.equal(judgeOne(never, target("apply", "shop")).allowed, true);
  assert.equal(judgeOne(never, change(target("apply", "shop"))).allowed, true);
  assert.equal(judgeOne(never, create(target("apply", "shop"))).reasons[0]!.rule, "nothing new");
  assert.equal(judgeOne(never, target("delete", "shop")).reasons[0]!.rule, "keep");
});

const NIGHT = parsePolicy(`${HEAD}
mode: auto
auto: { windows: [{ from: "02:00", to: "03:00", timeZone: Europe/Berlin }] }
allow:
  - name: night
    namespaces: [shop]
    kinds: [apps/v1/Deployment]
    actions: [apply]
    windows: [{ days: [mon, tue, wed, thu], from: "22:00", to: "05:00", timeZone: Europe/Berlin }]
`);

Deno.test("judge allows within a rule's window, also over midnight, and says so outside it", () => {
  const at = (iso: string) => judgeOne(NIGHT, target("apply", "shop"), "low", Date.parse(iso));
  assert.equal(at("2026-11-25T22:00:00+01:00").allowed, true);
  assert.equal(at("2026-11-26T04:59:59+01:00").allowed, true);
  assert.equal(at("2026-11-26T05:00:00+01:00").allowed, false);
  assert.equal(at("2026-11-27T22:30:00+01:00").allowed, false, "a Friday");
  const noon = at("2026-11-25T14:00:00+01:00");
  assert.match(noon.reasons[0]!.reason, /rule night allows it, but not at this time/);
});

Deno.test("judgeUntil finds when the window opens, if the package lives so long", () => {
  const request = { risk: "low" as const, targets: [target("apply", "shop")], atMs: NOON };
  const later = judgeUntil(NIGHT, request, NOON + 24 * HOUR);
  assert.equal(later.allowed, true);
  assert.equal(new Date(later.opensAtMs!).toISOString(), "2026-11-25T21:00:00.000Z");
  const never = judgeUntil(NIGHT, request, NOON + 8 * HOUR);
  assert.deepEqual([never.allowed, never.opensAtMs], [false, null]);
  const open = judgeUntil(NIGHT, { ...request, atMs: NOON + 9 * HOUR }, NOON + 24 * HOUR);
  assert.deepEqual([open.allowed, open.opensAtMs], [true, null]);
});

Deno.test("judge spares the approval only within every bound of auto mode", () => {
  const auto = (bounds: string) =>
    parsePolicy(`${HEAD}
mode: auto
auto: ${bounds}
allow: [{ name: all, namespaces: [shop], kinds: [apps/v1/Deployment], actions: [apply] }]
`);
  const apply = target("apply", "shop");
  const whyNot = (bounds: string, one: PolicyTarget, count = 1) =>
    judge(auto(bounds), { risk: "low", targets: Array(count).fill(one) }).whyApproval.join();
  assert.equal(whyNot("{ verbs: [change] }", change(apply)), "");
  assert.equal(whyNot("{ verbs: [change] }", { ...apply, verb: "unchanged" }), "");
  assert.match(whyNot("{ verbs: [change] }", create(apply)), /auto\.verbs/);
  assert.match(whyNot("{ verbs: [change] }", apply), /auto\.verbs.*without a plan/);
  assert.match(whyNot("{ kinds: [v1/ConfigMap] }", apply), /auto\.kinds/);
  assert.match(whyNot("{ maxObjects: 1 }", apply, 2), /auto\.maxObjects: 2 objects/);
  assert.match(
    whyNot('{ windows: [{ from: "15:00", timeZone: Europe/Berlin }] }', apply),
    /auto\.windows: none is open/,
  );
  assert.equal(whyNot('{ windows: [{ from: "14:00", timeZone: Europe/Berlin }] }', apply), "");
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
    ["a time that is none", window("from: '25:00', timeZone: UTC"), "time of day"],
    ["a zone that is none", window("timeZone: Mars/Olympus"), "IANA time zone"],
    ["an empty window", window("from: '09:00', to: '09:00', timeZone: UTC"), "must differ"],
    ["a window without a zone", window("from: '09:00'"), "timeZone"],
    ["no persons", "approval: { count: 0 }", "count"],
    ["a validity that is none", "approval: { validFor: soon }", "duration"],
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

function window(text: string): string {
  return `deny: [{ name: a, windows: [{ ${text} }] }]`;
}

const namespaceArb = fc.constantFrom("shop", "team-a", "team-b", "pay");
const kindArb = fc.constantFrom("apps/v1/Deployment", "v1/ConfigMap", "v1/Secret");
const actionArb = fc.constantFrom(...ACTION_KINDS);
const some = <T>(arb: fc.Arbitrary<T>) => fc.uniqueArray(arb, { minLength: 1, maxLength: 3 });
const verbsArb = some(fc.constantFrom(...VERBS));
const timeArb = fc.tuple(fc.nat(23), fc.nat(59))
  .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
const windowArb = fc.record({
  days: some(fc.constantFrom(...DAYS)),
  from: timeArb,
  to: fc.oneof(timeArb, fc.constant("24:00")),
  timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
}).filter(({ from, to }) => from !== to);
const windowsArb = fc.array(windowArb, { minLength: 1, maxLength: 3 });
const allowArb = fc.record({
  name: fc.constant("allow"),
  namespaces: some(namespaceArb),
  clusterScoped: fc.boolean(),
  kinds: some(kindArb),
  actions: some(actionArb),
  verbs: fc.option(verbsArb, { nil: undefined }),
  windows: fc.option(windowsArb, { nil: undefined }),
});
const denyArb = fc.record(
  {
    name: fc.constant("deny"),
    namespaces: some(namespaceArb),
    kinds: some(kindArb),
    actions: some(actionArb),
    verbs: verbsArb,
    windows: windowsArb,
  },
  { requiredKeys: ["name"] },
);
const verbArb = fc.constantFrom("create", "change", "delete", "unchanged", undefined);
const targetArb = fc.record({
  kind: kindArb,
  namespace: namespaceArb,
  action: actionArb,
  verb: verbArb,
}).map(({ kind, namespace, action, verb }): PolicyTarget => ({
  action,
  verb,
  ref: {
    apiVersion: kind.slice(0, kind.lastIndexOf("/")),
    kind: kind.slice(kind.lastIndexOf("/") + 1),
    namespace,
    name: "x",
  },
}));
const atArb = fc.integer({
  min: Date.parse("2026-01-01T00:00:00Z"),
  max: Date.parse("2027-01-01T00:00:00Z"),
});
const requestArb = fc.record({
  risk: fc.constantFrom(...RISKS),
  targets: fc.array(targetArb, { minLength: 1, maxLength: 4 }),
  atMs: atArb,
});
const autoArb = fc.record({
  maxRisk: fc.constantFrom(...RISKS),
  maxObjects: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  namespaces: fc.option(some(namespaceArb), { nil: undefined }),
  verbs: fc.option(verbsArb, { nil: undefined }),
  windows: fc.option(windowsArb, { nil: undefined }),
});
const policyArb = fc.record({
  mode: fc.constantFrom("manual" as const, "auto" as const),
  auto: autoArb,
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

Deno.test("adding an allow rule never denies anything", () => {
  fc.assert(fc.property(policyArb, allowArb, requestArb, (policy, rule, request) => {
    const more = judge({ ...policy, allow: [...policy.allow, rule] } as Policy, request);
    assert.ok(!judge(policy, request).allowed || more.allowed);
  }));
});

Deno.test("whatever an applicable deny rule says, no allow rule permits it", () => {
  fc.assert(fc.property(policyArb, allowArb, requestArb, (policy, rule, request) => {
    const deny = { name: "all" };
    const all = { ...policy, allow: [...policy.allow, rule], deny: [...policy.deny, deny] };
    assert.ok(!judge(all as Policy, request).allowed);
  }));
});

Deno.test("narrowing an allow rule's windows, or auto mode's, never permits or spares an approval", () => {
  fc.assert(fc.property(
    policyArb,
    allowArb,
    windowsArb,
    windowArb,
    requestArb,
    (policy, rule, windows, extra, request) => {
      const withWindows = (given: readonly unknown[]) =>
        judge({
          ...policy,
          allow: [{ ...rule, windows: given }],
          auto: { ...policy.auto, windows: given },
        } as Policy, request);
      const wide = withWindows([...windows, extra]);
      const narrow = withWindows(windows);
      assert.ok(wide.allowed || !narrow.allowed);
      assert.ok(wide.approval === "not_required" || narrow.approval === "required");
    },
  ));
});

Deno.test("what a plan is refused, or a person asked for, was no surprise to be let through before it", () => {
  fc.assert(fc.property(policyArb, requestArb, (policy, request) => {
    const targets = request.targets.map(({ action, ref }) => ({ action, ref }));
    const before = judge({ ...policy, deny: [] }, { ...request, targets });
    for (const verb of ["create", "change"] as const) {
      const applies = request.targets.every(({ action }) => action === "apply");
      if (!applies) return;
      const planned = targets.map((target) => ({ ...target, verb }));
      const after = judge({ ...policy, deny: [] }, { ...request, targets: planned });
      assert.ok(before.allowed || !after.allowed, "let in only what may come to be allowed");
      assert.ok(before.approval === "required" || after.approval === "not_required");
    }
  }));
});

Deno.test("judgeUntil gives a time at which the policy allows it, and none before it", () => {
  fc.assert(
    fc.property(
      policyArb,
      requestArb,
      fc.integer({ min: 1, max: 72 }),
      (policy, request, hours) => {
        const untilMs = request.atMs + hours * HOUR;
        const { allowed, opensAtMs } = judgeUntil(policy, request, untilMs);
        if (opensAtMs !== null) {
          assert.ok(opensAtMs > request.atMs && opensAtMs < untilMs);
          assert.ok(judge(policy, { ...request, atMs: opensAtMs }).allowed);
        }
        const end = opensAtMs ?? (allowed ? request.atMs : untilMs);
        for (let atMs = request.atMs; atMs < end; atMs += 7 * 60_000) {
          assert.ok(!judge(policy, { ...request, atMs }).allowed, new Date(atMs).toISOString());
        }
      },
    ),
    { numRuns: 50 },
  );
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
