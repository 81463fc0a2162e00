import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { permissionFlags, type PermissionSet } from "../../scripts/release/permission_flags.ts";
import { ENVIRONMENT, OTHER_VARIABLES } from "../../src/config/environment.ts";

const { agent, agentFromSource, cli, simulate } = config.permissions;

Deno.test("the agent's permissions hold no program, no library, and every variable by name", () => {
  assert.deepEqual(Object.keys(agent).sort(), ["env", "net", "read", "sys", "write"]);
  assert.deepEqual(
    agent.env.allow.toSorted(),
    [...Object.keys(ENVIRONMENT), ...OTHER_VARIABLES, "HOME", "NO_COLOR"].toSorted(),
  );
  assert.ok(Array.isArray(agent.read) && Array.isArray(agent.write));
});

Deno.test("the agent may write its state directories only", () => {
  assert.deepEqual(agent.write, ["/var/lib/neuralops-connector", "/run/neuralops-connector"]);
});

Deno.test("from source the agent may the same, and use the checkout", () => {
  assert.deepEqual(agentFromSource, {
    ...agent,
    read: [".", ...agent.read],
    write: ["./state", ...agent.write],
  });
});

Deno.test("what is compiled in holds no path of the folder that it was built in", () => {
  assert.ok(permissionFlags(agent as PermissionSet).length > 0);
  assert.ok(permissionFlags(cli as PermissionSet).length > 0);
});

Deno.test("the command line runs no program and loads no library", () => {
  assert.deepEqual(Object.keys(cli).sort(), ["env", "net", "read", "sys", "write"]);
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
