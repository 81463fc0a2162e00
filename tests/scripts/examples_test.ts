import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/load.ts";
import { parsePolicy } from "../../src/core/policy.ts";
import { judge } from "../../src/core/policy/judge.ts";
import { parseWorkPackage, targetsOf } from "../../src/core/work_package.ts";

for (const name of ["minimal", "full"]) {
  const path = `docs/examples/connector.${name}.yaml`;
  Deno.test(`${path} is a valid configuration`, async () => {
    const parsed = parseConfig(await Deno.readTextFile(path), () => undefined, path);
    assert.ok(parsed.signals.queries.length > 0);
  });
}

Deno.test("docs/examples/wpk.yaml is allowed by docs/examples/policy.yaml, and a person is asked", async () => {
  const policy = parsePolicy(await Deno.readTextFile("docs/examples/policy.yaml"));
  const { spec, ...rest } = parseWorkPackage(await Deno.readFile("docs/examples/wpk.yaml"));
  const targets = targetsOf({ spec, ...rest });
  const verdict = judge(policy, { risk: spec.risk, targets, atMs: spec.notBefore });
  assert.deepEqual(verdict.reasons.filter((reason) => !reason.allowed), []);
  assert.equal(verdict.approval, "required");
});

const READERS: [firstLine: RegExp, read: (text: string) => unknown][] = [
  [/^clusterName:/, (text) => parseConfig(text, () => undefined, "the example")],
  [
    /^apiVersion: .*\nkind: WorkPackage/,
    (text) => parseWorkPackage(new TextEncoder().encode(text)),
  ],
  [/^apiVersion: .*\nkind: ExecutionPolicy/, parsePolicy],
];

for (const path of ["README.md", "docs/wpk-format.md", "docs/policies/byoc_security.md"]) {
  Deno.test(`examples in ${path} are valid`, async () => {
    const document = await Deno.readTextFile(path);
    const blocks = [...document.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
    let known = 0;
    for (const block of blocks) {
      const reader = READERS.find(([firstLine]) => firstLine.test(block));
      if (!reader) continue;
      known += 1;
      assert.doesNotThrow(() => reader[1](block));
    }
    assert.ok(known > 0);
  });
}
