/** A start that cannot succeed ends with exit code 1 and a line that says what to do. */
import assert from "node:assert/strict";
import { writeConfig } from "./ground.ts";
import { type Finished, runToEnd } from "./process.ts";
import { withAgent, withGround } from "./running_agent.ts";

Deno.test("run ends with a readable line when the configuration is wrong", () =>
  withGround(async (ground) => {
    const good = await Deno.readTextFile(await writeConfig(ground));
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ["empty", "", /config_invalid: .* is empty/],
      ["broken", "clusterName: [", /config_invalid/],
      ["typo", good.replace('"logLevel"', '"loglevel"'), /loglevel/],
      ["plain", good.replaceAll("https://", "http://"), /plain HTTP is refused/],
      ["level", good.replace('"debug"', '"loud"'), /logLevel.*loud/],
      ["policy", good.replace("policy.yaml", "nowhere.yaml"), /policyFile.*nowhere\.yaml/],
      ["kube", good.replace("/kubeconfig", "/nowhere"), /nowhere/],
      ["ca", good.replaceAll("/ca.pem", "/nowhere.pem"), /caFile.*nowhere\.pem/],
      ["unreadable", good.replaceAll("./state/", "/srv/elsewhere/"), /permission denied/],
    ];
    for (const [name, text, expected] of cases) {
      assertReadable(await runAgent(await ground.write(`${name}.yaml`, text)), expected, name);
    }
    const missing = await runAgent(`${ground.directory}/nowhere.yaml`);
    assertReadable(missing, /There is no configuration file/, "missing");
    assertReadable(
      await runAgent("/srv/elsewhere/connector.yaml"),
      /permission denied/,
      "not readable",
    );
  }));

Deno.test("run refuses a state directory that another connector holds", () =>
  withGround((ground) =>
    withAgent(ground, {}, async ({ config }) => {
      assertReadable(await runAgent(config), /in use by another connector/, "locked");
    })
  ));

Deno.test("run refuses a state directory that it may not write", () =>
  withGround(async (ground) => {
    const config = await writeConfig(ground, { stateDir: "./reports/elsewhere" });
    assertReadable(await runAgent(config), /state_unwritable/, "outside of the permissions");
  }));

/** Runs the agent to its end, as systemd would start it. */
async function runAgent(configPath: string): Promise<Finished> {
  return await runToEnd(Deno.execPath(), {
    args: ["run", "--quiet", "-P=agent", "--no-prompt", "main.ts", "run", "--config", configPath],
  });
}

function assertReadable({ code, stderr }: Finished, expected: RegExp, what: string): void {
  assert.equal(code, 1, `${what}: ${stderr}`);
  assert.match(stderr, expected, what);
  assert.doesNotMatch(stderr, /^\s+at /m, `${what}: a stack trace is nothing for a user`);
}
