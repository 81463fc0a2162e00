/**
 * How to reach and be known to the API server: a pod's service account, or a kubeconfig file. Whatever
 * a kubeconfig asks for that would not be honoured is refused, never left out in silence.
 */
import { StalledError } from "../../errors.ts";
import type { Config } from "../../config/schema.ts";
import type { SecretMask } from "../../log.ts";
import type { Clock, Files } from "../../runtime.ts";
import { readText, tokenFromFile, type TokenSource } from "./token_file.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
export const SERVICE_ACCOUNT_CA = `${SERVICE_ACCOUNT}/ca.crt`;

export interface KubernetesCredentials extends TokenSource {
  readonly baseUrl: string;
  readonly caPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  readonly proxy?: string;
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
  if (config.mode === "inCluster") return await inCluster(sources);
  // A pod, as most agents are, needs neither its library nor node:fs under that.
  const { fromKubeconfig } = await import("./kubeconfig.ts");
  return await fromKubeconfig(config.kubeconfig, config.context, sources);
}

async function inCluster(sources: CredentialSources): Promise<KubernetesCredentials> {
  const host = sources.env("KUBERNETES_SERVICE_HOST");
  const port = sources.env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw new StalledError(
      "config_invalid",
      "kubernetes.mode is inCluster, but KUBERNETES_SERVICE_HOST and _PORT are not both set",
      { hint: "run it in a pod, or use kubernetes.mode: kubeconfig" },
    );
  }
  return {
    baseUrl: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    caPem: await readText(SERVICE_ACCOUNT_CA, sources.files),
    ...tokenFromFile(`${SERVICE_ACCOUNT}/token`, sources),
  };
}
