/** A real cosign with a key of its own, as a release engineer without any network uses it. */
import { programOf } from "./peers.ts";
import { type Finished, runToEnd } from "./process.ts";

/** No transparency log and no TUF root: nothing beyond this machine is asked. */
const OFFLINE = ["--tlog-upload=false", "--use-signing-config=false", "--yes"];
const PASSWORD = { COSIGN_PASSWORD: "correct horse" };

export interface CosignKey {
  /** Path of the PEM file. */
  readonly publicKey: string;
  /** Both return the bundle's path. */
  signBlob(file: string): Promise<string>;
  attestBlob(file: string): Promise<string>;
}

/** @param folder where key, predicate and bundles are put */
export async function createCosignKey(folder: string): Promise<CosignKey> {
  const prefix = `${folder}/cosign`;
  await cosign("generate-key-pair", "--output-key-prefix", prefix);
  const predicate = `${folder}/predicate.json`;
  await Deno.writeTextFile(predicate, JSON.stringify({ reviewed: true }));
  const key = ["--key", `${prefix}.key`];
  return {
    publicKey: `${prefix}.pub`,
    async signBlob(file) {
      const bundle = `${file}.sigstore.json`;
      await cosign("sign-blob", ...key, "--bundle", bundle, ...OFFLINE, file);
      return bundle;
    },
    async attestBlob(file) {
      const bundle = `${file}.attestation.json`;
      await cosign(
        "attest-blob",
        ...key,
        "--bundle",
        bundle,
        "--predicate",
        predicate,
        "--type",
        "custom",
        ...OFFLINE,
        file,
      );
      return bundle;
    },
  };
}

async function cosign(...args: string[]): Promise<Finished> {
  const finished = await runToEnd(programOf("cosign"), { args, env: PASSWORD });
  if (finished.code === 0) return finished;
  throw new Error(`cosign ${args[0]} failed:\n${finished.stderr}`);
}
