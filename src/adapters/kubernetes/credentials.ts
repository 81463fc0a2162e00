/**
 * How to reach and be known to the API server. Kubeconfig files are read with client-node, loaded only
 * then; exec plugins are refused, because the agent may not run programs.
 */
import { dirname, isAbsolute, join } from "node:path";
import { StalledError } from "../../errors.ts";
import { decodeBase64, decodeUtf8 } from "../../core/encoding.ts";
import type { Config } from "../../config/schema.ts";
import type { SecretMask } from "../../log.ts";
import type { Clock, Files } from "../../runtime.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const MAX_FILE_BYTES = 1024 * 1024;
/** Projected tokens are rotated well before they expire; kubelet's own clients wait a minute. */
const TOKEN_CACHE_MS = 60_000;

export interface KubernetesCredentials {
  readonly baseUrl: string;
  readonly caPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  readonly proxy?: string;
  /** null where a client certificate is all there is. */
  token(): Promise<string | null>;
  /** Called after a 401: the next token() reads the source again. */
  forgetToken(): void;
}

export interface CredentialSources {
  readonly files: Files;
  readonly clock: Clock;
  readonly mask: SecretMask;
  readonly env: (name: string) => string | undefined;
}

type KubernetesConfig = Config["kubernetes"];

/** Throws StalledError `config_invalid` naming what is missing or refused. */
export async function loadCredentials(
  config: Exclude<KubernetesConfig, { mode: "none" }>,
  sources: CredentialSources,
): Promise<KubernetesCredentials> {
  return config.mode === "inCluster"
    ? await inCluster(sources)
    : await fromKubeconfig(config.kubeconfig, config.context, sources);
}

async function inCluster(sources: CredentialSources): Promise<KubernetesCredentials> {
  const host = sources.env("KUBERNETES_SERVICE_HOST");
  const port = sources.env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw invalid(
      "kubernetes.mode is inCluster, but KUBERNETES_SERVICE_HOST is not set",
      "run it in a pod, or use kubernetes.mode: kubeconfig",
    );
  }
  return {
    baseUrl: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    caPem: await readText(`${SERVICE_ACCOUNT}/ca.crt`, sources.files),
    ...tokenFile(`${SERVICE_ACCOUNT}/token`, sources),
  };
}

async function fromKubeconfig(
  path: string,
  contextName: string | undefined,
  sources: CredentialSources,
): Promise<KubernetesCredentials> {
  const text = await readText(path, sources.files);
  const { KubeConfig } = await import("@kubernetes/client-node");
  const kubeconfig = new KubeConfig();
  try {
    kubeconfig.loadFromString(text);
  } catch (error) {
    throw invalid(
      `${path} is not a usable kubeconfig: ${error instanceof Error ? error.message : error}`,
      "check it with: kubectl --kubeconfig FILE config view",
    );
  }
  if (contextName) kubeconfig.setCurrentContext(contextName);
  const cluster = kubeconfig.getCurrentCluster();
  const user = kubeconfig.getCurrentUser();
  if (!cluster || !user) {
    throw invalid(
      `${path} has no usable context ${contextName ?? kubeconfig.getCurrentContext()}`,
      "set kubernetes.context to one that names a cluster and a user",
    );
  }
  if (!cluster.server.startsWith("https://")) {
    throw invalid(`${path}: server ${cluster.server} is not https://`, "plain HTTP is refused");
  }
  if (cluster.skipTLSVerify) {
    throw invalid(
      `${path}: insecure-skip-tls-verify is refused`,
      "give certificate-authority-data",
    );
  }
  if (user.exec || user.authProvider) {
    throw invalid(
      `${path}: user ${user.name} authenticates through ${
        user.exec ? "an exec plugin" : "an auth provider"
      }, which would have the connector run a program`,
      "use a client certificate, a token or a tokenFile for the connector",
    );
  }
  const inline = (data: string | undefined, file: string | undefined) =>
    data !== undefined
      ? decodeUtf8(decodeBase64(data))
      : file
      ? readText(isAbsolute(file) ? file : join(dirname(path), file), sources.files)
      : undefined;
  const caPem = await inline(cluster.caData, cluster.caFile);
  const certPem = await inline(user.certData, user.certFile);
  const keyPem = await inline(user.keyData, user.keyFile);
  const fileToken = (user as { tokenFile?: string }).tokenFile;
  if (user.token) sources.mask.add(user.token);
  return {
    baseUrl: cluster.server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }),
    ...(cluster.proxyUrl ? { proxy: cluster.proxyUrl } : {}),
    ...(fileToken
      ? tokenFile(fileToken, sources)
      : { token: () => Promise.resolve(user.token ?? null), forgetToken: () => {} }),
  };
}

function tokenFile(path: string, { files, clock, mask }: CredentialSources) {
  let cached: { token: string; readAtMs: number } | null = null;
  return {
    async token() {
      if (!cached || clock.monotonic() - cached.readAtMs > TOKEN_CACHE_MS) {
        const token = mask.add(await readText(path, files)).trim();
        cached = { token, readAtMs: clock.monotonic() };
      }
      return cached.token;
    },
    forgetToken() {
      cached = null;
    },
  };
}

async function readText(path: string, files: Files): Promise<string> {
  const bytes = await files.read(path, MAX_FILE_BYTES);
  if (bytes) return decodeUtf8(bytes);
  throw invalid(`${path} does not exist`, "check the path in the configuration or the kubeconfig");
}

function invalid(message: string, hint: string): StalledError {
  return new StalledError("config_invalid", message, { hint });
}
