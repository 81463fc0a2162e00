/**
 * The peers of the agents that are measured, in a process of its own: Vault, control plane, Prometheus
 * and Kubernetes API, embedded, over TLS on loopback, with the intervals that customers have.
 *
 * `deno run … peers_program.ts SITES`, SITES as JSON; orders on standard input, events on standard output.
 */
import type { ConfigInput } from "../../../src/config/schema.ts";
import { encodeBase64 } from "../../../src/core/encoding.ts";
import { fetchIdentityKeys } from "../../../src/embedded/control_plane/registrar.ts";
import { startControlPlane } from "../../../src/embedded/control_plane/start.ts";
import { startKubernetes } from "../../../src/embedded/kubernetes/server.ts";
import { createPki } from "../../../src/embedded/pki.ts";
import { startPrometheus } from "../../../src/embedded/prometheus.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { startVault } from "../../../src/embedded/vault.ts";
import { systemClock } from "../../../src/runtime_deno.ts";
import { deployment, workPackage } from "../work_packages.ts";
import { linesOf } from "./lines.ts";
import type { PeersEvent, PushOrder } from "./peers_events.ts";
import { CONFIG_FILE, type Site } from "./sites.ts";

const NAMESPACE = "shop";
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [${NAMESPACE}], actions: [apply] }
allow:
  - name: bench
    namespaces: [${NAMESPACE}]
    kinds: [apps/v1/Deployment]
    actions: [apply]
`;
const QUERIES = [
  { name: "requests", expr: "sim_requests_total" },
  { name: "queue", expr: "sim_queue_depth" },
  { name: "latency", expr: "sim_latency" },
];

const sites: readonly Site[] = JSON.parse(Deno.args[0]!);
const encoder = new TextEncoder();
const clock = systemClock();
const pki = await createPki();
const vault = await startVault({ pki, clock });
const prometheus = await startPrometheus({ pki, clock });
const kubernetes = await startKubernetes({ pki, clock });
kubernetes.store.put(
  { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
  "bench",
);
const controlPlane = await startControlPlane({
  pki,
  clock,
  identity: {
    issuer: vault.issuer,
    audience: vault.identityAudience,
    keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
  },
});
const signer = await createKeySigner();
const listener = await pki.issue("connector listener");
const client = Deno.createHttpClient({ caCerts: [pki.caPem], http2: false });
const sequences = new Map<string, number>();
for (const site of sites) await prepare(site);
tell({ event: "open" });
for await (const line of linesOf(Deno.stdin.readable)) {
  const order: PushOrder = JSON.parse(line);
  await push(order);
  tell({ event: "pushed", agent: order.agent });
}
Deno.exit();

async function prepare({ name, port, folder, home }: Site): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const write = async (file: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${file}`, text, { mode: 0o600 });
    return `${home}/${file}`;
  };
  const caFile = await write("ca.pem", pki.caPem);
  const config: ConfigInput = {
    clusterName: name,
    stateDir: `${home}/state`,
    controlPlane: { url: controlPlane.url, caFile },
    vault: {
      address: vault.url,
      caFile,
      auth: { method: "token", tokenFile: await write("vault-token", vault.createToken()) },
    },
    prometheus: { url: prometheus.url, caFile },
    signals: { queries: QUERIES },
    kubernetes: {
      mode: "kubeconfig",
      kubeconfig: await write("kubeconfig", kubernetes.kubeconfig()),
    },
    listener: {
      enabled: true,
      address: "127.0.0.1",
      port,
      certFile: await write("listener.crt", listener.certPem),
      keyFile: await write("listener.key", listener.keyPem),
    },
    trust: {
      signers: [{ name: "release", keyFile: await write("release.pub", signer.publicKeyPem) }],
    },
    execution: { policyFile: await write("policy.yaml", POLICY) },
  };
  await write(CONFIG_FILE, JSON.stringify(config));
}

/** One after the other, as an Orchestrator sends what must not overtake. */
async function push({ agent, packages }: PushOrder): Promise<void> {
  const site = sites.find(({ name }) => name === agent)!;
  for (let left = packages; left > 0; left -= 1) {
    const before = succeeded();
    await send(site);
    await controlPlane.until(() => succeeded() > before);
  }
}

function succeeded(): number {
  return controlPlane.receipts.filter(({ payload }) => payload.state === "succeeded").length;
}

async function send({ name, port }: Site): Promise<void> {
  // One for all: it stands for the API server that they share.
  const { clusterId } = controlPlane.registrations[0]!;
  const sequence = (sequences.get(name) ?? 0) + 1;
  sequences.set(name, sequence);
  const manifest = deployment({ namespace: NAMESPACE, name: `bench-${name}` }, `${sequence}`);
  const bytes = workPackage({ clusterId, sequence, manifest });
  const token = await controlPlane.orchestratorToken({ audience: clusterId });
  const response = await fetch(`https://127.0.0.1:${port}/execute`, {
    client,
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ payload: encodeBase64(bytes), bundle: signer.sign(bytes) }),
  });
  const answer = await response.text();
  if (response.status !== 202) throw new Error(`${name} answered ${response.status}: ${answer}`);
}

function tell(event: PeersEvent): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(event)}\n`));
}
