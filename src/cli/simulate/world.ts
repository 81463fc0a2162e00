/** Every embedded peer, and the files a customer would write: a configuration, a policy, keys and a CA. */
import { randomBytes } from "node:crypto";
import { parseConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import { encodeHex } from "../../core/encoding.ts";
import type { KubeObject } from "../../core/kubernetes_object.ts";
import { fetchIdentityKeys } from "../../embedded/control_plane/registrar.ts";
import { startControlPlane } from "../../embedded/control_plane/start.ts";
import { createKeylessAuthority } from "../../embedded/keyless_authority.ts";
import { startKubernetes } from "../../embedded/kubernetes/server.ts";
import { createPki } from "../../embedded/pki.ts";
import { startPrometheus } from "../../embedded/prometheus.ts";
import { startS3 } from "../../embedded/s3.ts";
import { createKeySigner } from "../../embedded/signer.ts";
import { startVault } from "../../embedded/vault.ts";
import type { Clock } from "../../runtime.ts";
import { CONFIG, POLICY, QUERIES, S3_VAULT_PATH, SERVICE_ACCOUNT_ROLE } from "./files.ts";

export const BUCKET = "audit-archive";
export const CI_IDENTITY = {
  identity: "https://ci.example.com/neuralops/release.yaml@refs/heads/main",
  issuer: "https://token.ci.example.com",
};
export const HEARTBEAT_SECONDS = 1;

export type World = Awaited<ReturnType<typeof createWorld>>;

/** @param folder made here; everything that the run writes goes there */
export async function createWorld(clock: Clock, folder: string) {
  await Deno.mkdir(folder, { recursive: true });
  const pki = await createPki();
  const secrets = {
    serviceAccountToken: `sa-${randomSecret()}`,
    s3SecretKey: randomSecret(),
    prometheusToken: `prom-${randomSecret()}`,
  };
  const vault = await startVault({ pki, clock, grant: { ttlSeconds: 20 } });
  const controlPlane = await startControlPlane({
    pki,
    clock,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
  });
  const prometheus = await startPrometheus({ pki, clock, bearerToken: secrets.prometheusToken });
  const kubernetes = await startKubernetes({ pki, clock, rolloutMs: 200 });
  const accessKeyId = "AKIASIMULATION00";
  const s3 = await startS3({
    pki,
    bucket: BUCKET,
    objectLock: true,
    accessKeyId,
    secretAccessKey: secrets.s3SecretKey,
  });
  const signers = {
    release: await createKeySigner(),
    stranger: await createKeySigner(),
    ci: await createKeylessAuthority(clock),
  };
  vault.allowServiceAccount(SERVICE_ACCOUNT_ROLE, secrets.serviceAccountToken);
  vault.writeSecret(S3_VAULT_PATH, { accessKeyId, secretAccessKey: secrets.s3SecretKey });
  for (const name of ["shop", "sandbox"]) {
    kubernetes.store.put(
      { apiVersion: "v1", kind: "Namespace", metadata: { name } } as KubeObject,
      "kubectl",
    );
  }
  const listener = await pki.issue("connector");
  const text = CONFIG({
    folder,
    controlPlane: controlPlane.url,
    vault: vault.url,
    prometheus: prometheus.url,
    s3: s3.url,
    bucket: BUCKET,
    ...CI_IDENTITY,
  });
  const files: Record<string, string> = {
    "ca.pem": pki.caPem,
    "listener.crt": listener.certPem,
    "listener.key": listener.keyPem,
    "release.pub": signers.release.publicKeyPem,
    "trusted_root.json": signers.ci.trustedRootJson,
    "service-account.token": secrets.serviceAccountToken,
    "prometheus.token": secrets.prometheusToken,
    "kubeconfig": kubernetes.kubeconfig(),
    "policy.yaml": POLICY,
    "connector.yaml": text,
  };
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, content, { mode: 0o600 });
  }
  const config: Config = parseConfig(text, () => undefined, "connector.yaml");
  const servers = { controlPlane, vault, prometheus, kubernetes, s3 };
  return {
    ...servers,
    folder,
    clock,
    pki,
    signers,
    secrets,
    accessKeyId,
    config,
    queries: QUERIES,
    async close() {
      for (const peer of Object.values(servers)) await peer.close();
    },
  };
}

function randomSecret(): string {
  return encodeHex(new Uint8Array(randomBytes(24)));
}
