/** A start that cannot succeed ends with exit code 1 and a line that says what to do. */
import { writeConfig } from "./ground.ts";
import { assertReadable, runAgent } from "./refused_start.ts";
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
