/** What a spawned agent stands on: the embedded peers in this process, a folder, a configuration. */
import type { ConfigInput } from "../../src/config/schema.ts";
import { fetchIdentityKeys } from "../../src/embedded/control_plane/registrar.ts";
import {
  type EmbeddedControlPlane,
  startControlPlane,
} from "../../src/embedded/control_plane/start.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import { type EmbeddedVault, startVault } from "../../src/embedded/vault.ts";
import { systemClock } from "../../src/runtime_deno.ts";

/** Manual: every plan waits for a person. */
export const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - name: shop
    namespaces: [shop]
    kinds: [apps/v1/Deployment, v1/ConfigMap]
    actions: [apply, scale, restart, delete]
`;

export interface Ground {
  readonly pki: Pki;
  readonly vault: EmbeddedVault;
  readonly controlPlane: EmbeddedControlPlane;
  readonly kubernetes: EmbeddedKubernetes;
  /** Relative to the checkout; the agent may write here, and only here. */
  readonly directory: string;
  readonly stateDir: string;
  /** Writes a file into the folder; returns its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

export interface GroundOptions {
  /** By which agents call the peers besides loopback. */
  readonly addresses?: readonly string[];
  readonly reviewServiceAccount?: (jwt: string) => Promise<boolean>;
}

export async function layGround(options: GroundOptions = {}): Promise<Ground> {
  const { addresses, ...ofVault } = options;
  const clock = systemClock();
  const pki = await createPki(undefined, addresses);
  const vault = await startVault({ pki, clock, ...ofVault });
  const controlPlane = await startControlPlane({
    pki,
    clock,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
    heartbeatSeconds: 1,
  });
  const kubernetes = await startKubernetes({ pki, clock });
  kubernetes.store.put(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    "kubectl",
  );
  const directory = `./state/real/${crypto.randomUUID()}`;
  const stateDir = `${directory}/connector`;
  await Deno.mkdir(directory, { recursive: true });
  return {
    pki,
    vault,
    controlPlane,
    kubernetes,
    directory,
    stateDir,
    async write(name, content) {
      const path = `${directory}/${name}`;
      await (typeof content === "string"
        ? Deno.writeTextFile(path, content)
        : Deno.writeFile(path, content));
      return path;
    },
    async close() {
      await controlPlane.close();
      await kubernetes.close();
      await vault.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Writes a configuration that names every embedded peer; `changes` replace whole top-level keys. */
export async function writeConfig(
  ground: Ground,
  changes: Partial<ConfigInput> = {},
): Promise<string> {
  const { pki, vault, controlPlane, kubernetes, stateDir } = ground;
  const caFile = await ground.write("ca.pem", pki.caPem);
  const listener = await pki.issue("connector listener");
  const config: ConfigInput = {
    clusterName: "real-1",
    stateDir,
    logLevel: "debug",
    controlPlane: { url: controlPlane.url, caFile },
    vault: {
      address: vault.url,
      caFile,
      auth: {
        method: "token",
        tokenFile: await ground.write("vault-token", vault.createToken()),
      },
    },
    kubernetes: {
      mode: "kubeconfig",
      kubeconfig: await ground.write("kubeconfig", kubernetes.kubeconfig()),
    },
    listener: {
      enabled: true,
      address: "127.0.0.1",
      port: 0,
      certFile: await ground.write("listener.crt", listener.certPem),
      keyFile: await ground.write("listener.key", listener.keyPem),
    },
    execution: { policyFile: await ground.write("policy.yaml", POLICY) },
    ...changes,
  };
  // JSON is YAML.
  return await ground.write("connector.yaml", JSON.stringify(config, null, 2));
}
