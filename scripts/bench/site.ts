/** Where the agent is measured: embedded control plane and Vault in this process, a real API server. */
import type { ConfigInput } from "../../src/config/schema.ts";
import { encodeBase64 } from "../../src/core/encoding.ts";
import { fetchIdentityKeys } from "../../src/embedded/control_plane/registrar.ts";
import { startControlPlane } from "../../src/embedded/control_plane/start.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import { startVault } from "../../src/embedded/vault.ts";
import { systemClock } from "../../src/runtime_deno.ts";
import type { Applied } from "./agent_events.ts";
import { AgentProcess } from "./agent_process.ts";
import { anchorEpoch, epochMs } from "./epoch.ts";
import { deployment, type Workload, workPackage } from "./work_packages.ts";

export const NAMESPACE = "shop";
export const FIELD_MANAGER = "neuralops-connector";
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

/** A signed package and the manifest in it. */
export interface SignedPackage {
  readonly manifest: object;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly bundle: object;
}

export interface Pushed extends Applied {
  /** When the Orchestrator began to send. */
  readonly sentMs: number;
}

export interface Site {
  readonly folder: string;
  readonly publicKeyFile: string;
  readonly workload: Workload;
  /** A package that nobody has seen, the newest of its stream. */
  sign(): SignedPackage;
  /** Sends it, and waits until it has been applied, and until it has succeeded and says so. */
  push(signed: SignedPackage): Promise<Pushed>;
  close(): Promise<void>;
}

/** @param folder made here, and removed by close */
export async function openSite(folder: string, kubeconfig: string): Promise<Site> {
  await Deno.mkdir(folder, { recursive: true });
  const clock = systemClock();
  const pki = await createPki();
  const vault = await startVault({ pki, clock });
  const controlPlane = await startControlPlane({
    pki,
    clock,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
  });
  const signer: KeySigner = await createKeySigner();
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    return `${folder}/${name}`;
  };
  const publicKeyFile = await write("release.pub", signer.publicKeyPem);
  const caFile = await write("ca.pem", pki.caPem);
  const listener = await pki.issue("connector listener");
  const config: ConfigInput = {
    clusterName: "bench",
    stateDir: `${folder}/state`,
    controlPlane: { url: controlPlane.url, caFile },
    vault: {
      address: vault.url,
      caFile,
      auth: { method: "token", tokenFile: await write("vault-token", vault.createToken()) },
    },
    kubernetes: { mode: "kubeconfig", kubeconfig },
    adminSocket: false,
    listener: {
      enabled: true,
      address: "127.0.0.1",
      port: 0,
      certFile: await write("listener.crt", listener.certPem),
      keyFile: await write("listener.key", listener.keyPem),
    },
    trust: { signers: [{ name: "release", keyFile: publicKeyFile }] },
    execution: { policyFile: await write("policy.yaml", POLICY), fieldManager: FIELD_MANAGER },
  };
  const configPath = await write("connector.yaml", JSON.stringify(config));
  const { agent, port } = await AgentProcess.start(configPath, `${folder}/agent.log`);
  await controlPlane.until(() => controlPlane.heartbeats.length > 0);
  const { clusterId } = controlPlane.registrations[0]!;
  // Kept open, as a control plane that sends many packages keeps it. Over HTTP/2 this client would hold
  // each body back for 44 ms (decision 12), which is no time of the connector's.
  const client = Deno.createHttpClient({ caCerts: [pki.caPem], http2: false });
  const workload = { namespace: NAMESPACE, name: `bench-${crypto.randomUUID().slice(0, 8)}` };
  let sequence = 0;

  return {
    folder,
    publicKeyFile,
    workload,
    sign() {
      sequence += 1;
      const manifest = deployment(workload, `package ${sequence}`);
      const bytes = workPackage({ clusterId, sequence, manifest });
      return { manifest, bytes, bundle: signer.sign(bytes) };
    },
    async push({ bytes, bundle }) {
      const token = await controlPlane.orchestratorToken({ audience: clusterId });
      const body = JSON.stringify({ payload: encodeBase64(bytes), bundle });
      anchorEpoch();
      const sentMs = epochMs();
      const [applied, id] = await Promise.all([
        agent.applied(),
        post(client, `https://127.0.0.1:${port}/execute`, token, body),
      ]);
      const outcome = () =>
        controlPlane.receipts.find(({ payload }) => payload.executionId === id)?.payload;
      await controlPlane.until(() => outcome() !== undefined);
      const { state, reason } = outcome()!;
      if (state !== "succeeded") throw new Error(`${id} is ${state}: ${reason}`);
      return { ...applied, sentMs };
    },
    async close() {
      client.close();
      await agent.stop();
      await controlPlane.close();
      await vault.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function post(
  client: Deno.HttpClient,
  url: string,
  token: string,
  body: string,
): Promise<string> {
  const response = await fetch(url, {
    client,
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body,
  });
  const answer = await response.json();
  if (response.status === 202) return answer.executionId;
  throw new Error(`POST /execute answered ${response.status}: ${JSON.stringify(answer)}`);
}
