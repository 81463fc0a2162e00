/** A kubeconfig that the agent will not follow ends its start, with what to do instead. */
import { parse, stringify } from "yaml";
import { writeConfig } from "./ground.ts";
import { assertReadable, runAgent } from "./refused_start.ts";
import { withGround } from "./running_agent.ts";

type Kubeconfig = {
  clusters: { cluster: Record<string, unknown> }[];
  users: { user: Record<string, unknown> }[];
};

const CASES: Readonly<Record<string, readonly [(config: Kubeconfig) => void, RegExp]>> = {
  "an exec plugin": [({ users: [user] }) => {
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "touch", args: ["x"] };
    user!.user = { exec };
  }, /authenticates through an exec plugin, which would have the connector run a program/],
  "an auth provider": [({ users: [user] }) => {
    user!.user = { "auth-provider": { name: "gcp" } };
  }, /authenticates through an auth provider/],
  "a password": [({ users: [user] }) => {
    user!.user = { username: "admin", password: "secret" };
  }, /authenticates through a password/],
  "no check of the server": [({ clusters: [cluster] }) => {
    delete cluster!.cluster["certificate-authority-data"];
    cluster!.cluster["insecure-skip-tls-verify"] = true;
  }, /insecure-skip-tls-verify is refused/],
  "plain HTTP": [({ clusters: [cluster] }) => {
    cluster!.cluster["server"] = "http://127.0.0.1:8080";
  }, /is not https:\/\//],
  "no credential at all": [({ users: [user] }) => {
    user!.user = {};
  }, /has no client certificate, token or tokenFile/],
};

for (const [what, [change, expected]] of Object.entries(CASES)) {
  Deno.test(`run refuses a kubeconfig with ${what}`, () =>
    withGround(async (ground) => {
      const config: Kubeconfig = parse(ground.kubernetes.kubeconfig());
      change(config);
      const kubeconfig = await ground.write("changed.kubeconfig", stringify(config));
      const path = await writeConfig(ground, { kubernetes: { mode: "kubeconfig", kubeconfig } });
      assertReadable(await runAgent(path), expected, what);
    }));
}

Deno.test("run refuses to be in a pod where there is none", () =>
  withGround(async (ground) => {
    const path = await writeConfig(ground, { kubernetes: { mode: "inCluster" } });
    assertReadable(
      await runAgent(path),
      /KUBERNETES_SERVICE_HOST and _PORT are not both set/,
      "pod",
    );
  }));
