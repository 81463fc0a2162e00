/** The files that a customer would write, with shorter periods than anyone would use. */
import type { ConfigInput } from "../../config/schema.ts";
import type {
  ArchivePeer,
  KubernetesPeer,
  Place,
  PrometheusPeer,
  Scene,
  VaultPeer,
} from "./peers/peer.ts";

export function policy({ shop, sandbox, payments }: Scene): string {
  return `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [${sandbox}], actions: [scale, restart] }
maxRisk: medium
maxObjects: 10
allow:
  - name: workloads
    namespaces: [${shop}, ${sandbox}]
    kinds: [apps/v1/Deployment, v1/ConfigMap]
    actions: [apply, scale, restart, delete]
deny:
  - name: never-touch-payments
    namespaces: [${payments}]
`;
}

export interface ConfiguredPeers {
  readonly controlPlane: { readonly url: string };
  readonly vault: VaultPeer;
  readonly prometheus: PrometheusPeer;
  readonly kubernetes: KubernetesPeer;
  readonly archive: ArchivePeer;
}

/** @param signer the keyless one; its root is beside the configuration */
export function configuration(
  { folder, caFile, uid }: Pick<Place, "folder" | "caFile"> & { readonly uid: number | null },
  peers: ConfiguredPeers,
  signer: { readonly identity: string; readonly issuer: string },
): ConfigInput {
  return {
    clusterName: "simulated",
    labels: { region: "loopback" },
    stateDir: `${folder}/state`,
    logLevel: "debug",
    controlPlane: { url: peers.controlPlane.url, caFile, timeout: "5s" },
    vault: peers.vault.section,
    prometheus: peers.prometheus.section,
    signals: peers.prometheus.signals,
    kubernetes: peers.kubernetes.section,
    adminSocket: false,
    listener: {
      enabled: true,
      address: "127.0.0.1",
      port: 0,
      certFile: `${folder}/listener.crt`,
      keyFile: `${folder}/listener.key`,
    },
    trust: {
      signers: [
        { name: "release-key", keyFile: `${folder}/release.pub` },
        { name: "ci", ...signer, trustedRoot: `${folder}/trusted_root.json` },
      ],
    },
    execution: {
      policyFile: `${folder}/policy.yaml`,
      labels: { env: "simulation" },
      approvers: [
        { name: "alice", uid: uid ?? 0 },
        { name: "bob", keyFile: `${folder}/bob.pub` },
      ],
    },
    audit: { shipEvery: "500ms", s3: peers.archive.section },
  };
}
