/** The agent's permission set, tried from inside: what it forbids is really refused. */
import assert from "node:assert/strict";
import { runToEnd } from "./process.ts";

const ALLOWED = ["write the state directory", "read its own environment variable"];

Deno.test("agent's permission set refuses everything beyond its work", async () => {
  const { code, stdout, stderr } = await runToEnd(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-P=agentFromSource",
      "--no-prompt",
      "tests/real/permission_probe.ts",
      "./state",
    ],
    env: { NEURALOPS_PROBE: "1", NEURALOPS_CONFIG: "./connector.yaml" },
  });
  assert.equal(code, 0, stderr);
  const outcomes: Record<string, string> = JSON.parse(stdout);
  for (const [attempt, outcome] of Object.entries(outcomes)) {
    assert.equal(outcome, ALLOWED.includes(attempt) ? "allowed" : "NotCapable", attempt);
  }
  assert.ok(Object.keys(outcomes).length > 10);
});
