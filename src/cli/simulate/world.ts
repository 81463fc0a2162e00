/** Every peer, embedded unless a real one is named, and the files a customer would write for them. */
import { stringify } from "yaml";
import { parseConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import {
  type EmbeddedControlPlane,
  startControlPlane,
} from "../../embedded/control_plane/start.ts";
import { createKeylessAuthority } from "../../embedded/keyless_authority.ts";
import { createPki } from "../../embedded/pki.ts";
import { createKeySigner } from "../../embedded/signer.ts";
import type { MovableClock } from "./clock.ts";
import { configuration, policy } from "./files.ts";
import { embeddedArchive, realArchive } from "./peers/archive.ts";
import { embeddedKubernetes, realKubernetes } from "./peers/kubernetes.ts";
import type { KubernetesPeer, Place, PrometheusPeer, VaultPeer } from "./peers/peer.ts";
import { embeddedPrometheus, realPrometheus } from "./peers/prometheus.ts";
import { embeddedVault, realVault } from "./peers/vault.ts";
import { required } from "./prerequisites.ts";
import type { RealSections } from "./sections.ts";

export const CI_IDENTITY = {
  identity: "https://ci.example.com/neuralops/release.yaml@refs/heads/main",
  issuer: "https://token.ci.example.com",
};
export const HEARTBEAT_SECONDS = 1;

/** Where the sections of a real configuration stand in; null: every peer is embedded. */
export type Real = RealSections & { readonly env: (name: string) => string | undefined } | null;

export type World = Awaited<ReturnType<typeof createWorld>>;

/** @param folder exists; everything that the run writes goes there */
export async function createWorld(clock: MovableClock, folder: string, real: Real = null) {
  const pki = await createPki();
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    return `${folder}/${name}`;
  };
  const place: Place = {
    id: crypto.randomUUID().slice(0, 8),
    folder,
    clock,
    pki,
    caFile: await write("ca.pem", pki.caPem),
    write,
  };
  const closing: (() => Promise<void>)[] = [];
  const opened = <T extends { close(): Promise<void> }>(peer: T): T => {
    closing.unshift(() => peer.close());
    return peer;
  };
  const close = async () => {
    for (const step of closing.splice(0)) await step();
  };
  try {
    const { vault, archive } = await openVaultAndArchive(place, real, opened);
    const prometheus = opened(await openPrometheus(place, real));
    const kubernetes = opened(await openKubernetes(place, real));
    const controlPlane: EmbeddedControlPlane = opened(
      await startControlPlane({
        pki,
        clock,
        heartbeatSeconds: HEARTBEAT_SECONDS,
        identity: vault.identity,
      }),
    );
    const peers = { controlPlane, vault, prometheus, kubernetes, archive };
    const signers = {
      release: await createKeySigner(),
      stranger: await createKeySigner(),
      bob: await createKeySigner(),
      ci: await createKeylessAuthority(clock, { hasTimestamps: false }),
    };
    const listener = await pki.issue("connector");
    await write("listener.crt", listener.certPem);
    await write("listener.key", listener.keyPem);
    await write("release.pub", signers.release.publicKeyPem);
    await write("trusted_root.json", signers.ci.trustedRootJson);
    await write("bob.pub", signers.bob.publicKeyPem);
    await write("policy.yaml", policy(kubernetes.scene));
    // Whoever runs the simulation made its folder, and is alice.
    const { uid } = await Deno.stat(folder);
    const written = configuration({ ...place, uid }, peers, CI_IDENTITY);
    const text = stringify(written);
    await write("connector.yaml", text);
    const config: Config = parseConfig(text, () => undefined, "connector.yaml");
    return { ...peers, folder, clock, pki, signers, written, config, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Opened = <T extends { close(): Promise<void> }>(peer: T) => T;

/** Together, as the one holds the other's key. */
async function openVaultAndArchive(place: Place, real: Real, opened: Opened) {
  const s3 = real?.written.audit?.s3;
  const archiveOf = async (readSecret: (path: string) => Promise<unknown>) =>
    opened(
      await required({
        peer: "S3",
        address: s3!.endpoint ?? s3!.bucket,
        takes: "the bucket, and a key that may put, get and list objects and read its Object Lock",
      }, () => realArchive(s3!, real!.config.audit.s3!, place, readSecret)),
    );
  const section = real?.written.vault;
  if (section) {
    const vault = opened(
      await required({
        peer: "Vault",
        address: section.address,
        takes: "a login that gives an entity, which may read identity/oidc/token/<role>",
      }, () => realVault(section, real.config)),
    );
    const archive = s3
      ? await archiveOf(vault.readSecret)
      : opened(await embeddedArchive(place, null));
    return { vault: vault as VaultPeer, archive };
  }
  const vault = opened(await embeddedVault(place));
  const archive = s3
    ? await archiveOf(() =>
      Promise.reject(new Error("audit.s3.credentialsVaultPath needs the vault section as well"))
    )
    : opened(await embeddedArchive(place, (path, key) => vault.embedded.writeSecret(path, key)));
  return { vault: vault as VaultPeer, archive };
}

async function openPrometheus(place: Place, real: Real): Promise<PrometheusPeer> {
  const section = real?.written.prometheus;
  if (!section) return await embeddedPrometheus(place);
  return await required({
    peer: "Prometheus",
    address: section.url,
    takes: "leave to ask /api/v1/query_range",
  }, () => realPrometheus(section, real.config));
}

async function openKubernetes(place: Place, real: Real): Promise<KubernetesPeer> {
  const section = real?.written.kubernetes;
  if (!section || real.config.kubernetes.mode === "none") return await embeddedKubernetes(place);
  const { kubernetes } = real.config;
  return await required({
    peer: "Kubernetes API",
    address: kubernetes.mode === "kubeconfig" ? kubernetes.kubeconfig : "this pod's",
    takes:
      "get, create and delete of namespaces; get, list, create, patch and delete of deployments " +
      "and configmaps in the namespaces that it makes",
  }, () => realKubernetes(section, kubernetes, place, real.env));
}
