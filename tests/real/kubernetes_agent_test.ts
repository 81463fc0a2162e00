/** The agent's own process on real API servers, through every kind of credential that it takes. */
import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import type { ConfigInput } from "../../src/config/schema.ts";
import { type Session, withSession } from "../contract/kubernetes/session.ts";
import { NAMESPACES } from "../contract/kubernetes/target.ts";
import { cli } from "./agent_process.ts";
import type { Ground } from "./ground.ts";
import { KUBERNETES, type KubernetesPeer, runningOf, targetOf } from "./kubernetes_peers.ts";
import { probe } from "./listener_client.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, workPackage } from "./package.ts";
import { realTest } from "./peers.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";
import { withServiceAccount } from "./service_account.ts";

type Kubernetes = NonNullable<ConfigInput["kubernetes"]>;

const kubeconfig = (path: string): Kubernetes => ({ mode: "kubeconfig", kubeconfig: path });

for (const peer of KUBERNETES) {
  realTest(`agent works on ${peer}`, [peer], async (context) => {
    const { folder, url } = runningOf(peer);
    const certificate = kubeconfig(`./${folder}/connector.kubeconfig`);
    const token = kubeconfig(`./${folder}/token.kubeconfig`);
    await context.step("with a client certificate", () => carriesOut(peer, () => certificate));
    await context.step("with a token", () => carriesOut(peer, () => token));
    await context.step(
      "with a tokenFile",
      () => carriesOut(peer, async (ground) => kubeconfig(await withTokenFile(ground, folder))),
    );
    await context.step("in a pod", () =>
      withServiceAccount(folder, () => {
        const { hostname, port } = new URL(url);
        return carriesOut(peer, () => ({ mode: "inCluster" }), {
          KUBERNETES_SERVICE_HOST: hostname,
          KUBERNETES_SERVICE_PORT: port,
        });
      }));
    await context.step("and says which right is missing", () => saysWhatIsMissing(folder));
  });
}

/** Registers the cluster under its own UID, and carries out one package that is approved. */
async function carriesOut(
  peer: KubernetesPeer,
  configure: (ground: Ground) => Kubernetes | Promise<Kubernetes>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { version } = runningOf(peer);
  await withSession(await targetOf(peer), (admin) =>
    withGround(async (ground) => {
      const name = `agent-${crypto.randomUUID().slice(0, 8)}`;
      const { signer, trust } = await trustNewSigner(ground);
      const kubernetes = await configure(ground);
      await withAgent(ground, { trust, kubernetes }, async ({ port, config }) => {
        const clusterId = await registeredCluster(ground);
        const { cluster } = ground.controlPlane.registrations.at(-1)!.request;
        assert.equal(cluster.uid, await uidOf(admin));
        assert.equal(cluster.versions["kubernetes"]?.replace(/^v/, ""), version.replace(/^v/, ""));
        const manifest = configMap(name, { from: "package" });
        const bytes = workPackage({ clusterId, manifest });
        const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
        await untilReceipt(ground, id, "pending_approval");
        const approved = await cli("executions", "approve", id, "--yes", "--config", config);
        assert.equal(approved.code, 0, approved.stderr);
        await untilReceipt(ground, id, "succeeded");
      }, env);
      const path = `${NAMESPACES}/shop/configmaps/${name}`;
      const { body } = await admin.call("GET", path);
      assert.deepEqual(body["data"], { from: "package" });
      await admin.call("DELETE", path);
    }));
}

async function uidOf(admin: Session): Promise<string | undefined> {
  return (await admin.call("GET", `${NAMESPACES}/kube-system`)).body.metadata.uid;
}

/** A kubeconfig whose token stands in a file beside it, named as relative to it. */
async function withTokenFile(ground: Ground, folder: string): Promise<string> {
  const known = parse(await Deno.readTextFile(`${folder}/token.kubeconfig`));
  const [{ user }] = known.users;
  await ground.write("token", user.token);
  delete user.token;
  user.tokenFile = "token";
  return await ground.write("token-file.kubeconfig", stringify(known));
}

async function saysWhatIsMissing(folder: string): Promise<void> {
  await withGround((ground) =>
    withAgent(
      ground,
      { kubernetes: kubeconfig(`./${folder}/stranger.kubeconfig`) },
      async (run) => {
        const { reason } = await run.agent.untilEvent("registration_failed");
        assert.match(
          String(reason),
          /User "stranger" cannot get resource "namespaces" in API group ""/,
        );
        assert.equal((await probe(ground, run.port, "/livez")).status, 200);
        assert.equal((await probe(ground, run.port, "/readyz")).status, 503);
      },
    )
  );
}
