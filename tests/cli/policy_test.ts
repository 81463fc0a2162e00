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
  "broken.yaml": "kind: Pod",
  "secret.yaml": new Error("permission denied"),
};
const check = (policy: string, ...more: string[]) =>
  runCli(["policy", "check", "wpk.yaml", "--policy", policy, ...more], { files });

Deno.test("policy check prints a table and exits 0 where everything is allowed", async () => {
  const { exitCode, out, errors } = await check("wide.yaml");
  assert.equal(exitCode, 0, `${out}\n${errors}`);
  const lines = out.split("\n");
  assert.match(lines[0]!, /^SUBJECT +VERDICT +RULE +REASON$/);
  assert.ok(
    lines.slice(1, -1).every((line) => / {2}allow {4}all {3}allowed by rule all$/.test(line)),
  );
  assert.match(lines.at(-1)!, /^ALLOWED, risk \w+, approval required$/);
});

Deno.test("policy check names what is denied and exits 1", async () => {
  const { exitCode, out } = await check("narrow.yaml");
  assert.equal(exitCode, 1);
  assert.match(out, /Deployment .* {2}deny {5}- {5}no rule allows it/);
  assert.match(out, /\nDENIED, risk \w+$/);
});

Deno.test("policy check prints its verdict as JSON and YAML", async () => {
  for (
    const [format, read] of [["json", JSON.parse], ["yaml", (text: string) => parse(text)]] as const
  ) {
    const { exitCode, out } = await check("narrow.yaml", "-o", format);
    assert.equal(exitCode, 1);
    const verdict = read(out);
    assert.equal(verdict.allowed, false);
    assert.ok(verdict.reasons.length > 1);
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
