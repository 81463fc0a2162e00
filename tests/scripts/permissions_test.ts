import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { ENVIRONMENT, OTHER_VARIABLES } from "../../src/config/environment.ts";

const { agent, cli, simulate } = config.permissions;

Deno.test("the agent's permissions hold no program, no library, and every variable by name", () => {
  assert.deepEqual(Object.keys(agent).sort(), ["env", "net", "read", "sys", "write"]);
  assert.deepEqual(
    agent.env.allow.toSorted(),
    [...Object.keys(ENVIRONMENT), ...OTHER_VARIABLES, "HOME", "NO_COLOR"].toSorted(),
  );
  assert.ok(Array.isArray(agent.read) && Array.isArray(agent.write));
});

Deno.test("the agent may write its state directories only, and to systemd", () => {
  assert.deepEqual(agent.write, [
    "./state",
    "/var/lib/neuralops-connector",
    "/run/neuralops-connector",
    "/run/systemd/notify",
  ]);
});

Deno.test("the command line sees every variable that the agent's configuration may come from", () => {
  const missing = Object.keys(ENVIRONMENT).filter((name) => !cli.env.allow.includes(name));
  assert.deepEqual(missing, []);
});

Deno.test("simulate reaches this machine alone and writes reports alone", () => {
  assert.deepEqual(simulate.net, ["127.0.0.1"]);
  assert.deepEqual(simulate.write, ["./reports"]);
  assert.ok(!("run" in simulate) && !("ffi" in simulate));
});
