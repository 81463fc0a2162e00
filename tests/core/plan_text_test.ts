import assert from "node:assert/strict";
import fc from "fast-check";
import type { FieldChange } from "../../src/core/diff.ts";
import { type PlanEntry, sealPlan } from "../../src/core/plan.ts";
import { formatPlan } from "../../src/core/plan_text.ts";

const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "c" };

function lines(changes: readonly FieldChange[], parts: Partial<PlanEntry> = {}): string[] {
  const entry: PlanEntry = {
    action: "apply",
    verb: "change",
    ref,
    uid: "u-1",
    changes,
    warnings: [],
    ...parts,
  };
  return formatPlan(sealPlan("sha256:a", [entry], 1)).slice(1);
}

Deno.test("formatPlan shows a text of several lines by the lines that differ", () => {
  const text = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const changed = text.map((line) => line === "h" ? "H" : line);
  const change = { path: 'data["app.conf"]', from: text.join("\n"), to: changed.join("\n") };
  assert.deepEqual(
    lines([change]),
    [
      '    ~ data["app.conf"]:',
      "        @@ line 5 @@",
      "         e",
      "         f",
      "         g",
      "        -h",
      "        +H",
      "         i",
      "         j",
      "        \\ No newline at end of file",
    ],
  );
});

Deno.test("formatPlan shows a text that is new or gone line by line", () => {
  assert.deepEqual(lines([{ path: "data.a", to: "x\ny\n" }]), [
    "    + data.a:",
    "        +x",
    "        +y",
  ]);
  assert.deepEqual(lines([{ path: "data.a", from: "x\ny\n" }]), [
    "    - data.a:",
    "        -x",
    "        -y",
  ]);
});

Deno.test("formatPlan shows a list without keys item by item", () => {
  const change = { path: "spec.args", from: ["-v", "--old"], to: ["-v", "--new"] };
  assert.deepEqual(lines([change]), [
    "    ~ spec.args:",
    "         - -v",
    "        -- --old",
    "        +- --new",
  ]);
});

Deno.test("formatPlan says what could not be checked, and why", () => {
  const unchecked = "checked only at apply: its namespace is created by this package";
  assert.deepEqual(lines([], { verb: "create", unchecked }), [`    ${unchecked}`]);
});

Deno.test("formatPlan stays short, however long and however different two texts are", () => {
  const long = (mark: string) => Array.from({ length: 5000 }, (_, i) => `${mark}${i}`).join("\n");
  assert.ok(lines([{ path: "a", from: long("x"), to: long("y") }]).length < 300);
  assert.ok(lines([{ path: "a", to: long("x") }]).length < 300);
  fc.assert(fc.property(fc.string(), fc.string(), (from, to) => {
    assert.ok(lines([{ path: "a", from, to }]).every((line) => line.length < 500));
  }));
});
