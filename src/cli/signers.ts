/** Signers by their public keys, as the command line names them. */
import { PUBLIC_GOOD_ROOT_JSON } from "../core/verification/public_good.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import { readInputText } from "./input_file.ts";
import type { CliIo } from "./io.ts";

/**
 * Throws UsageError.
 * @param trustedRoot path of the root that log entries are held to; undefined for the public-good one
 */
export async function keySigners(
  paths: readonly string[],
  trustedRoot: string | undefined,
  io: Pick<CliIo, "readFile">,
): Promise<TrustedSigner[]> {
  const trustedRootJson = trustedRoot === undefined
    ? PUBLIC_GOOD_ROOT_JSON
    : await readInputText(io, trustedRoot, Infinity);
  return await Promise.all(paths.map(async (path): Promise<TrustedSigner> => ({
    kind: "key",
    name: path,
    publicKeyPem: await readInputText(io, path, Infinity),
    transparencyLog: "optional",
    trustedRootJson,
  })));
}
