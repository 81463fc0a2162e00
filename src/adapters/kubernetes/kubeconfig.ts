/**
 * Kubeconfig files, read with the part of client-node that knows their entries: the whole of it costs
 * 50 MB. Exec plugins are refused because the agent may not run programs; so is everything else that our
 * own transport would not do.
 */
import { dirname, isAbsolute, join } from "node:path";
import {
  type Cluster,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from "@kubernetes/client-node/dist/config_types.js";
import * as z from "zod";
import { StalledError } from "../../errors.ts";
import { parseYamlDocument, YamlProblem } from "../../core/bounded_yaml.ts";
import { decodeBase64, decodeUtf8 } from "../../core/encoding.ts";
import type { CredentialSources, KubernetesCredentials } from "./credentials.ts";
import { readText, tokenFromFile, type TokenSource } from "./token_file.ts";

/** client-node leaves `tokenFile` out: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
const Document = z.object({
  "current-context": z.string().nullish(),
  clusters: z.unknown(),
  contexts: z.unknown(),
  users: z.array(z.looseObject({
    name: z.string(),
    user: z.looseObject({ tokenFile: z.string().optional() }).nullish(),
  })).default([]),
});

interface Kubeconfig {
  /** Name of the context that is used. */
  readonly context: string;
  readonly cluster: Cluster | undefined;
  readonly user: User | undefined;
  readonly tokenFile: string | undefined;
}

/** Throws StalledError `config_invalid`. */
export async function fromKubeconfig(
  path: string,
  contextName: string | undefined,
  sources: CredentialSources,
): Promise<KubernetesCredentials> {
  const text = await readText(path, sources.files);
  const { context, cluster, user, tokenFile } = parse(text, path, contextName);
  if (!cluster || !user) {
    throw invalid(
      `${path} has no usable context ${context}`,
      "set kubernetes.context to one that names a cluster and a user",
    );
  }
  checkCluster(cluster, path);
  checkUser(user, path);
  const resolve = (file: string) => isAbsolute(file) ? file : join(dirname(path), file);
  const read = async (data: string | undefined, file: string | undefined, key: string) =>
    data
      ? decode(data, key, path)
      : file
      ? await readText(resolve(file), sources.files)
      : undefined;
  const caPem = await read(cluster.caData, cluster.caFile, "certificate-authority-data");
  const certPem = await read(user.certData, user.certFile, "client-certificate-data");
  const keyPem = await read(user.keyData, user.keyFile, "client-key-data");
  if ((certPem === undefined) !== (keyPem === undefined)) {
    throw invalid(
      `${path}: user ${user.name} has only one of client certificate and client key`,
      "give both, or a token",
    );
  }
  if (!certPem && !user.token && !tokenFile) {
    throw invalid(
      `${path}: user ${user.name} has no client certificate, token or tokenFile`,
      "the connector does not act as an anonymous user",
    );
  }
  if (keyPem) sources.mask.add(keyPem);
  return {
    baseUrl: cluster.server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }),
    ...(cluster.proxyUrl ? { proxy: cluster.proxyUrl } : {}),
    ...(tokenFile
      ? tokenFromFile(resolve(tokenFile), sources)
      : fixedToken(user.token ?? null, sources)),
  };
}

/** Parsed with our own bounds first: client-node's parser quotes the file, secrets and all, in its errors. */
function parse(text: string, path: string, contextName: string | undefined): Kubeconfig {
  const hint = "check it with: kubectl --kubeconfig FILE config view";
  try {
    const document = Document.parse(parseYamlDocument(text));
    const clusters = newClusters(document.clusters);
    const users = newUsers(document.users);
    const contexts = newContexts(document.contexts);
    const named = contextName ?? document["current-context"] ?? "";
    const context = contexts.find(({ name }) => name === named);
    return {
      context: named,
      cluster: clusters.find(({ name }) => name === context?.cluster),
      user: users.find(({ name }) => name === context?.user),
      tokenFile: document.users.find(({ name }) => name === context?.user)?.user?.tokenFile,
    };
  } catch (error) {
    if (error instanceof YamlProblem) throw invalid(`${path} ${error.message}`, hint);
    const reason = error instanceof z.ZodError || !(error instanceof Error)
      ? "its users cannot be read"
      : error.message;
    throw invalid(`${path} is not a usable kubeconfig: ${reason}`, hint);
  }
}

function checkCluster(cluster: Cluster, path: string): void {
  if (!URL.canParse(cluster.server) || !cluster.server.startsWith("https://")) {
    throw invalid(`${path}: server ${cluster.server} is not https://`, "plain HTTP is refused");
  }
  if (cluster.skipTLSVerify) {
    throw invalid(
      `${path}: insecure-skip-tls-verify is refused`,
      "give certificate-authority-data",
    );
  }
  if (cluster.tlsServerName) {
    throw invalid(
      `${path}: tls-server-name is not supported`,
      "use a server name that stands in the API server's certificate",
    );
  }
  if (cluster.proxyUrl && !/^https?:\/\//.test(cluster.proxyUrl)) {
    throw invalid(`${path}: proxy-url must be http:// or https://`, "other proxies cannot be used");
  }
}

function checkUser(user: User, path: string): void {
  const refused = user.exec
    ? "an exec plugin, which would have the connector run a program"
    : user.authProvider
    ? "an auth provider, which would have the connector run a program"
    : user.username
    ? "a password, which API servers no longer take"
    : user.impersonateUser
    ? "impersonation (as), which would not be honoured"
    : null;
  if (!refused) return;
  throw invalid(
    `${path}: user ${user.name} authenticates through ${refused}`,
    "use a client certificate, a token or a tokenFile for the connector",
  );
}

function decode(data: string, key: string, path: string): string {
  try {
    return decodeUtf8(decodeBase64(data));
  } catch {
    throw invalid(`${path}: ${key} is not base64`, "it must hold a PEM file in base64");
  }
}

/** Registered at every use, so that the mask never drops it as an old one. */
function fixedToken(token: string | null, { mask }: CredentialSources): TokenSource {
  return {
    token: () => Promise.resolve(token === null ? null : mask.add(token)),
    forgetToken: () => {},
  };
}

function invalid(message: string, hint: string): StalledError {
  return new StalledError("config_invalid", message, { hint });
}
