/** Reads the files that the configuration names, and says which key named a file that is not there. */
import { StalledError } from "../errors.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { parsePolicy, type Policy, PolicySchema } from "../core/policy.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import type { Config } from "../config/schema.ts";
import type { Files } from "../runtime.ts";

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Throws StalledError `config_invalid`. */
export async function readConfigured(files: Files, key: string, path: string): Promise<string> {
  const bytes = await files.read(path, MAX_FILE_BYTES);
  if (bytes) return decodeUtf8(bytes);
  throw new StalledError("config_invalid", `${key}: there is no file ${path}`, {
    hint: "check the path and the permissions of the connector's user",
  });
}

/** `{ caPem }` for a peer that has a caFile, else nothing. */
export async function readCa(
  files: Files,
  key: string,
  path: string | undefined,
): Promise<{ caPem?: string }> {
  return path === undefined ? {} : { caPem: await readConfigured(files, key, path) };
}

export async function readSigners(
  files: Files,
  signers: Config["trust"]["signers"],
): Promise<TrustedSigner[]> {
  return await Promise.all(signers.map(async (signer): Promise<TrustedSigner> => {
    const key = `trust.signers[${signer.name}]`;
    const root = signer.trustedRoot === undefined
      ? undefined
      : await readConfigured(files, `${key}.trustedRoot`, signer.trustedRoot);
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

/** Without a policy file nothing is allowed. */
export async function readPolicy(files: Files, path: string | undefined): Promise<Policy> {
  if (path === undefined) {
    return PolicySchema.parse({ apiVersion: "neuralops.io/v1", kind: "ExecutionPolicy" });
  }
  return parsePolicy(await readConfigured(files, "execution.policyFile", path));
}
