/** Whether the running executable is one that a signed release lists. */
import { createHash } from "node:crypto";
import { parseChecksums } from "../core/checksums.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { parseBundleBytes } from "../core/verification/bundle.ts";
import { requireSigners } from "../core/verification/threshold.ts";
import { createVerifier } from "../core/verification/verify.ts";
import { describeError, RefusedError } from "../errors.ts";
import type { ThisProcess } from "../runtime.ts";
import { readInput } from "./input_file.ts";
import type { CliIo } from "./io.ts";
import { keySigners } from "./signers.ts";

/** Paths. */
export interface ReleaseFiles {
  /** SHA256SUMS. */
  readonly sums: string;
  /** Sigstore bundle over it. */
  readonly bundle: string;
  /** PEM public key. */
  readonly key: string;
}

export interface ReleasedFile {
  /** `sha256:…` */
  readonly sha256: string;
  /** Its name in the release; here it may have another. */
  readonly file: string;
  readonly signer: string;
}

/** `sha256:…`. Throws RefusedError `not_in_release`. */
export async function digestOf(
  { executable }: ThisProcess,
  io: Pick<CliIo, "readFile">,
): Promise<string> {
  if (executable === null) {
    throw new RefusedError("not_in_release", "there is no executable to compare with a release", {
      hint: "check the files from outside: sha256sum --check SHA256SUMS",
    });
  }
  const bytes = await io.readFile(executable).catch((error) => {
    throw new RefusedError(
      "not_in_release",
      `the executable cannot be read: ${describeError(error)}`,
      { hint: "put it at /usr/bin/neuralops-connector, or check it from outside", cause: error },
    );
  });
  if (bytes === null) throw new RefusedError("not_in_release", `${executable} is gone`);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** First the signature, and only then what it is over. Throws ConnectorErrors and UsageError. */
export async function verifySelf(
  { sums, bundle, key }: ReleaseFiles,
  self: ThisProcess,
  io: Pick<CliIo, "readFile">,
): Promise<ReleasedFile> {
  const signed = await readInput(io, sums);
  const verifier = createVerifier(await keySigners([key], undefined, io));
  const [verdict] = await requireSigners(verifier, 1).verify(signed, [
    parseBundleBytes(await readInput(io, bundle)),
  ]);
  const digest = await digestOf(self, io);
  const found = parseChecksums(decodeUtf8(signed))
    .find(({ sha256 }) => `sha256:${sha256}` === digest);
  if (found) return { sha256: digest, file: found.path, signer: verdict!.signer };
  throw new RefusedError("not_in_release", `${sums} has no file with the digest ${digest}`, {
    hint: "this program is not of that release: do not use it, or give the checksums of its own",
  });
}
