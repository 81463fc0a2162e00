import assert from "node:assert/strict";
import { parse } from "yaml";
import { runCli } from "../fakes/cli_io.ts";

const wpk = await Deno.readTextFile(
  new URL("../testdata/work_package/full.good.yaml", import.meta.url),
);
const rules = (kinds: string) =>
  `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - { name: all, namespaces: ["*"], kinds: [${kinds}], actions: [apply, scale, restart, delete] }
`.replace('["*"]', "[shop, default]");
const files = {
  "wpk.yaml": wpk,
  "wide.yaml": rules("v1/ConfigMap, v1/Pod, apps/v1/Deployment, apps/v1/StatefulSet"),
  "narrow.yaml": rules("v1/ConfigMap"),
  "night.yaml": `${
    rules("v1/ConfigMap, v1/Pod, apps/v1/Deployment, apps/v1/StatefulSet").replace(
      " }\n",
      ", windows: [{ from: '10:30', to: '10:40', timeZone: UTC }] }\n",
    )
  }mode: auto
approval: { count: 2, validFor: 1h }
deny: [{ name: nothing new, kinds: [v1/ConfigMap], verbs: [create] }]
`,
  "broken.yaml": "kind: Pod",
  "secret.yaml": new Error("permission denied"),
};
const check = (policy: string, ...more: string[]) =>
  runCli(["policy", "check", "wpk.yaml", "--policy", policy, ...more], { files });

Deno.test("policy check reads every rule to every target, and exits 0 where all is allowed", async () => {
  const { exitCode, out, errors } = await check("wide.yaml");
  assert.equal(exitCode, 0, `${out}\n${errors}`);
  const lines = out.split("\n");
  assert.match(lines[0]!, /^Judged at 20\d\d-/);
  assert.match(out, /^allow {2}apply v1\/ConfigMap .*: allowed by rule all$/m);
  assert.match(out, /^ +RULE +EFFECT +MATCHES +BECAUSE$/m);
  assert.match(out, /^ +all +allow +yes +-$/m);
  assert.match(out, /^Auto mode does not hold: mode is manual$/m);
  assert.match(out, /^Approvals: 1 person must approve the plan$/m);
  assert.match(lines.at(-1)!, /^ALLOWED, risk \w+$/);
});

Deno.test("policy check names what is denied, why no rule allows it, and exits 1", async () => {
  const { exitCode, out } = await check("narrow.yaml");
  assert.equal(exitCode, 1);
  assert.match(out, /^deny {3}\w+ apps\/v1\/Deployment .*: no rule allows it$/m);
  assert.match(out, /^ +all +allow +no +another kind$/m);
  assert.match(out, /\nDENIED, risk \w+$/);
});

Deno.test("policy check says when a window opens, what auto mode breaks and how many must approve", async () => {
  const during = await check("night.yaml", "--at", "2026-11-22T10:30:00Z");
  assert.equal(during.exitCode, 0, `${during.out}\n${during.errors}`);
  assert.match(during.out, /^Auto mode holds: nobody is asked\.$/m);
  const before = await check("night.yaml", "--at", "2026-11-22T10:05:00Z");
  assert.equal(before.exitCode, 0);
  assert.match(
    before.out,
    /^Judged at 2026-11-22T10:30:00\.000Z, when a window opens \(asked at /m,
  );
  assert.match(before.out, /ALLOWED, risk low, not before 2026-11-22T10:30:00\.000Z$/);
  const after = await check("night.yaml", "--at", "2026-11-22T10:50:00Z", "-o", "json");
  assert.equal(after.exitCode, 1);
  const { targets, autoMode, approvals } = JSON.parse(after.out);
  assert.match(targets[0].reason, /rule all allows it, but not at this time/);
  assert.match(targets[0].rules[1].because, /^outside its windows \(daily 10:30–10:40 UTC\)$/);
  assert.deepEqual(autoMode, { holds: true, breaks: [] });
  assert.deepEqual(approvals, { needed: 0, validForMs: 3_600_000 });
});

Deno.test("policy check says where only the plan can tell", async () => {
  const { out } = await check("night.yaml", "--at", "2026-11-22T10:30:00Z");
  assert.match(out, /^ +nothing new +deny +unsure +create or change: the plan decides$/m);
});

Deno.test("policy check prints its verdict as JSON and YAML", async () => {
  for (
    const [format, read] of [["json", JSON.parse], ["yaml", (text: string) => parse(text)]] as const
  ) {
    const { exitCode, out } = await check("narrow.yaml", "-o", format);
    assert.equal(exitCode, 1);
    const explanation = read(out);
    assert.equal(explanation.allowed, false);
    assert.ok(explanation.targets.length > 1);
    assert.deepEqual(explanation.approvals, { needed: 1, validForMs: null });
  }
});

Deno.test("policy check exits 1 on a broken policy or package, 2 on a file that cannot be read", async () => {
  const broken = await check("broken.yaml");
  assert.deepEqual([broken.exitCode, broken.out], [1, ""]);
  assert.match(broken.errors, /^error: malformed_policy: The policy is not valid: .*kind/);
  const unreadable = await check("secret.yaml");
  assert.equal(unreadable.exitCode, 2);
  assert.match(unreadable.errors, /cannot read secret\.yaml: .*denied/);
});
