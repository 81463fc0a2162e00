/**
 * Kubeconfig files. Exec plugins are refused because the agent may not run programs; so is everything else
 * that our own transport would not do. client-node's reader is a witness in the tests: it would have every
 * agent with a kubeconfig load node:fs. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
import { dirname, isAbsolute, join } from "node:path";
import * as z from "zod";
import { StalledError } from "../../errors.ts";
import { parseYamlDocument, YamlProblem } from "../../core/bounded_yaml.ts";
import { decodeBase64, decodeUtf8 } from "../../core/encoding.ts";
import type { CredentialSources, KubernetesCredentials } from "./credentials.ts";
import { readText, tokenFromFile, type TokenSource } from "./token_file.ts";

const text = z.string().nullish();
const Cluster = z.looseObject({
  server: z.string().min(1),
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().nullish(),
  "tls-server-name": text,
  "proxy-url": text,
});
const User = z.looseObject({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  username: text,
  as: text,
});
type Cluster = z.infer<typeof Cluster>;
type User = z.infer<typeof User>;

/** kubectl writes null for an empty list. */
const listOf = <Schema extends z.ZodRawShape>(shape: Schema) =>
  z.array(z.looseObject({ name: z.string().min(1), ...shape })).nullish();
const Document = z.looseObject({
  "current-context": text,
  clusters: listOf({ cluster: Cluster }),
  contexts: listOf({ context: z.looseObject({ cluster: text, user: text }).nullish() }),
  users: listOf({ user: User.nullish() }),
});

interface Kubeconfig {
  /** Name of the context that is used. */
  readonly context: string;
  readonly cluster: Cluster | undefined;
  readonly user: { readonly name: string; readonly how: User } | undefined;
}

/** Throws StalledError `config_invalid`. */
export async function fromKubeconfig(
  path: string,
  contextName: string | undefined,
  sources: CredentialSources,
): Promise<KubernetesCredentials> {
  const text = await readText(path, sources.files);
  const { context, cluster, user } = parse(text, path, contextName);
  if (!cluster || !user) {
    throw invalid(
      `${path} has no usable context ${context}`,
      "set kubernetes.context to one that names a cluster and a user",
    );
  }
  checkCluster(cluster, path);
  const { name, how } = user;
  checkUser(name, how, path);
  const resolve = (file: string) => isAbsolute(file) ? file : join(dirname(path), file);
  const pem = async (from: Record<string, unknown>, key: string) => {
    const { [`${key}-data`]: data, [key]: file } = from as Record<
      string,
      string | null | undefined
    >;
    if (data) return decode(data, `${key}-data`, path);
    return file ? await readText(resolve(file), sources.files) : undefined;
  };
  const caPem = await pem(cluster, "certificate-authority");
  const certPem = await pem(how, "client-certificate");
  const keyPem = await pem(how, "client-key");
  if ((certPem === undefined) !== (keyPem === undefined)) {
    throw invalid(
      `${path}: user ${name} has only one of client certificate and client key`,
      "give both, or a token",
    );
  }
  if (!certPem && !how.token && !how.tokenFile) {
    throw invalid(
      `${path}: user ${name} has no client certificate, token or tokenFile`,
      "the connector does not act as an anonymous user",
    );
  }
  if (keyPem) sources.mask.add(keyPem);
  return {
    baseUrl: cluster.server.replace(/\/$/, ""),
    ...(caPem === undefined ? {} : { caPem }),
    ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }),
    ...(cluster["proxy-url"] ? { proxy: cluster["proxy-url"] } : {}),
    ...(how.tokenFile
      ? tokenFromFile(resolve(how.tokenFile), sources)
      : fixedToken(how.token ?? null, sources)),
  };
}

function parse(text: string, path: string, contextName: string | undefined): Kubeconfig {
  const hint = "check it with: kubectl --kubeconfig FILE config view";
  let found: unknown;
  try {
    found = parseYamlDocument(text);
  } catch (error) {
    if (error instanceof YamlProblem) throw invalid(`${path} ${error.message}`, hint);
    throw error;
  }
  const parsed = Document.safeParse(found);
  if (!parsed.success) {
    // Where, and never what: the file holds secrets.
    const place = parsed.error.issues[0]!.path.join(".") || "content";
    throw invalid(`${path} is not a usable kubeconfig: its ${place} cannot be read`, hint);
  }
  const { clusters, contexts, users } = parsed.data;
  const named = contextName ?? parsed.data["current-context"] ?? "";
  const context = contexts?.find(({ name }) => name === named)?.context;
  const user = users?.find(({ name }) => name === context?.user);
  return {
    context: named,
    cluster: clusters?.find(({ name }) => name === context?.cluster)?.cluster,
    user: user && { name: user.name, how: user.user ?? {} },
  };
}

function checkCluster(cluster: Cluster, path: string): void {
  if (!URL.canParse(cluster.server) || !cluster.server.startsWith("https://")) {
    throw invalid(`${path}: server ${cluster.server} is not https://`, "plain HTTP is refused");
  }
  if (cluster["insecure-skip-tls-verify"]) {
    throw invalid(
      `${path}: insecure-skip-tls-verify is refused`,
      "give certificate-authority-data",
    );
  }
  if (cluster["tls-server-name"]) {
    throw invalid(
      `${path}: tls-server-name is not supported`,
      "use a server name that stands in the API server's certificate",
    );
  }
  if (cluster["proxy-url"] && !/^https?:\/\//.test(cluster["proxy-url"])) {
    throw invalid(`${path}: proxy-url must be http:// or https://`, "other proxies cannot be used");
  }
}

function checkUser(name: string, user: User, path: string): void {
  const refused = user.exec
    ? "an exec plugin, which would have the connector run a program"
    : user["auth-provider"]
    ? "an auth provider, which would have the connector run a program"
    : user.username
    ? "a password, which API servers no longer take"
    : user.as
    ? "impersonation (as), which would not be honoured"
    : null;
  if (!refused) return;
  throw invalid(
    `${path}: user ${name} authenticates through ${refused}`,
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
