/** Reads the files that the configuration names, and says which key named a file that is not there. */
import { ConnectorError, describeError, StalledError } from "../errors.ts";
import type { ApproverEntry } from "../core/approver.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { parsePolicy, type Policy, PolicySchema } from "../core/policy.ts";
import { PUBLIC_GOOD_ROOT_JSON } from "../core/verification/public_good.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import type { Config } from "../config/schema.ts";
import type { Files, KeyPair } from "../runtime.ts";

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * @param key of the configuration, for the message
 * Throws StalledError `config_invalid`.
 */
export async function readConfigured(files: Files, key: string, path: string): Promise<string> {
  const invalid = (problem: string, cause?: unknown) =>
    new StalledError("config_invalid", `${key}: ${problem}`, {
      ...(cause === undefined ? {} : { cause }),
      hint: "check the path and the permissions of the connector's user",
    });
  let bytes: Uint8Array | null;
  try {
    bytes = await files.read(path, MAX_FILE_BYTES);
  } catch (error) {
    const reason = error instanceof ConnectorError
      ? error.message
      : `cannot read ${path}: ${describeError(error)}`;
    throw invalid(reason, error);
  }
  if (!bytes) throw invalid(`there is no file ${path}`);
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw invalid(`${path} is not a text file`, error);
  }
}

/** Of a listener that is enabled. Throws StalledError `config_invalid`. */
export async function readKeyPair(
  files: Files,
  { certFile, keyFile }: Config["listener"],
): Promise<KeyPair> {
  return {
    certPem: await readConfigured(files, "listener.certFile", certFile!),
    keyPem: await readConfigured(files, "listener.keyFile", keyFile!),
  };
}

/** `{ caPem }` for a peer that has a caFile, else nothing. */
export async function readCa(
  files: Files,
  key: string,
  path: string | undefined,
): Promise<{ caPem?: string }> {
  if (path === undefined) return {};
  const caPem = await readConfigured(files, key, path);
  if (caPem.includes("-----BEGIN CERTIFICATE-----")) return { caPem };
  // A client would pass over such a file in silence and trust the system's roots alone.
  throw new StalledError("config_invalid", `${key}: ${path} holds no certificate`, {
    hint: "it must be a PEM file that begins with -----BEGIN CERTIFICATE-----",
  });
}

export interface ClientTlsFiles {
  readonly caFile?: string | undefined;
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
}

/** The authority of a peer, and the certificate by which it knows us, as far as they are configured. */
export async function readClientTls(
  files: Files,
  section: string,
  { caFile, clientCertFile, clientKeyFile }: ClientTlsFiles,
): Promise<{ caPem?: string; certPem?: string; keyPem?: string }> {
  const ca = await readCa(files, `${section}.caFile`, caFile);
  if (clientCertFile === undefined || clientKeyFile === undefined) return ca;
  return {
    ...ca,
    certPem: await readConfigured(files, `${section}.clientCertFile`, clientCertFile),
    keyPem: await readConfigured(files, `${section}.clientKeyFile`, clientKeyFile),
  };
}

export async function readSigners(
  files: Files,
  signers: Config["trust"]["signers"],
  section = "trust.signers",
): Promise<TrustedSigner[]> {
  return await Promise.all(signers.map(async (signer): Promise<TrustedSigner> => {
    const key = `${section}[${signer.name}]`;
    const root = await readRoot(files, `${key}.trustedRoot`, signer.trustedRoot);
    if ("identity" in signer) {
      const { name, identity, issuer } = signer;
      return { kind: "keyless", name, identity, issuer, trustedRootJson: root! };
    }
    return {
      kind: "key",
      name: signer.name,
      publicKeyPem: await readConfigured(files, `${key}.keyFile`, signer.keyFile),
      transparencyLog: signer.transparencyLog,
      ...(root === undefined ? {} : { trustedRootJson: root }),
    };
  }));
}

async function readRoot(
  files: Files,
  key: string,
  root: string | undefined,
): Promise<string | undefined> {
  if (root === undefined) return undefined;
  return root === "public-good" ? PUBLIC_GOOD_ROOT_JSON : await readConfigured(files, key, root);
}

export async function readApprovers(
  files: Files,
  approvers: Config["execution"]["approvers"],
): Promise<ApproverEntry[]> {
  return await Promise.all(approvers.map(async (entry): Promise<ApproverEntry> => {
    const { name } = entry;
    if ("uid" in entry) return { kind: "user", name, uid: entry.uid };
    if ("kubernetesUser" in entry) {
      return { kind: "kubernetes", name, kubernetesUser: entry.kubernetesUser };
    }
    const [signer] = await readSigners(files, [entry], "execution.approvers");
    return signer!;
  }));
}

/** Without a policy file nothing is allowed. */
export async function readPolicy(files: Files, path: string | undefined): Promise<Policy> {
  if (path === undefined) {
    return PolicySchema.parse({ apiVersion: "neuralops.io/v1", kind: "ExecutionPolicy" });
  }
  return parsePolicy(await readConfigured(files, "execution.policyFile", path));
}
