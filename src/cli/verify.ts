/** `verify FILE --bundle B`: who signed a file, or why it is refused. Offline; needs no running connector. */
import type { Artifact } from "../core/verification/artifact.ts";
import { parseBundleBytes } from "../core/verification/bundle.ts";
import { PUBLIC_GOOD_ROOT_JSON } from "../core/verification/public_good.ts";
import { namesOf, requireSigners } from "../core/verification/threshold.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import type { Verified } from "../core/verification/verdict.ts";
import { createVerifier } from "../core/verification/verify.ts";
import { ConnectorError } from "../errors.ts";
import { readInput, readInputText } from "./input_file.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, printResult } from "./output.ts";
import { keySigners } from "./signers.ts";

export interface VerifyOptions {
  /** A path, or `sha256:<hex>` of a file that is elsewhere. */
  readonly file: string;
  /** Paths; one bundle for each signer. */
  readonly bundle: readonly string[];
  /** Paths. */
  readonly key?: readonly string[] | undefined;
  /** How many of the keys must have signed; 1 without it. */
  readonly threshold?: number | undefined;
  /** A path; without it, Sigstore's public-good root. */
  readonly trustedRoot?: string | undefined;
  readonly certificateIdentity?: string | undefined;
  readonly certificateOidcIssuer?: string | undefined;
  readonly output: Format;
}

type VerifyIo = Pick<CliIo, "readFile" | "print" | "printError">;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** 0 verified, 1 refused, 2 wrong usage. */
export async function runVerify(options: VerifyOptions, io: VerifyIo): Promise<ExitCode> {
  try {
    checkFlags(options);
    const artifact = await readArtifact(options.file, io);
    const bundles = await Promise.all(
      options.bundle.map(async (path) => parseBundleBytes(await readInput(io, path, Infinity))),
    );
    const verifier = createVerifier(await readSigners(options, io));
    report(
      await requireSigners(verifier, options.threshold ?? 1).verify(artifact, bundles),
      options,
      io,
    );
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      io.printError(`verify: ${error.message}`);
      return 2;
    }
    if (!(error instanceof ConnectorError)) throw error;
    reportRefusal(error, options, io);
    return 1;
  }
}

function checkFlags(options: VerifyOptions): void {
  const { key = [], certificateIdentity, certificateOidcIssuer, threshold = 1 } = options;
  const isKeyless = certificateIdentity !== undefined || certificateOidcIssuer !== undefined;
  if (key.length > 0 && isKeyless) {
    throw new UsageError("give either --key or --certificate-identity, not both");
  }
  if (key.length === 0 && !isKeyless) {
    throw new UsageError("give --key, or --certificate-identity with --certificate-oidc-issuer");
  }
  if (isKeyless && !(certificateIdentity && certificateOidcIssuer)) {
    throw new UsageError("--certificate-identity and --certificate-oidc-issuer go together");
  }
  if (threshold > 1 && threshold > key.length) {
    throw new UsageError(`--threshold ${threshold} needs as many --key`);
  }
}

/** A digest only where it has a digest's form, and no file has that name. */
async function readArtifact(file: string, io: VerifyIo): Promise<Artifact> {
  if (DIGEST.test(file) && (await io.readFile(file).catch(() => null)) === null) {
    return { sha256: file };
  }
  return await readInput(io, file, Infinity);
}

async function readSigners(options: VerifyOptions, io: VerifyIo): Promise<TrustedSigner[]> {
  const { key = [], trustedRoot, certificateIdentity = "", certificateOidcIssuer = "" } = options;
  const trustedRootJson = trustedRoot === undefined
    ? PUBLIC_GOOD_ROOT_JSON
    : await readInputText(io, trustedRoot, Infinity);
  if (key.length === 0) {
    return [{
      kind: "keyless",
      name: certificateIdentity,
      identity: certificateIdentity,
      issuer: certificateOidcIssuer,
      trustedRootJson,
    }];
  }
  return await keySigners(key, trustedRoot, io);
}

function report(
  verdicts: readonly Verified[],
  { file, output }: VerifyOptions,
  io: VerifyIo,
): void {
  const [first, ...others] = verdicts.map(describe);
  const { digest, ...signature } = first!;
  const result = { verified: true, file, digest, ...signature, signers: namesOf(verdicts) };
  printResult(io, output, result, () => [
    `Verified OK: ${file}`,
    `  digest    ${digest}`,
    ...[signature, ...others].flatMap(({ signer, identity, logged, signedAt }) => [
      `  signer    ${signer}`,
      ...(identity === signer ? [] : [`  identity  ${identity}`]),
      `  log       ${logged ? "entry verified" : "no entry verified"}`,
      `  signed    ${signedAt ?? "at a time that nothing vouches for"}`,
    ]),
  ]);
}

function describe({ signer, identity, digest, mediaType, logged, signedAtMs }: Verified) {
  const signedAt = signedAtMs === null ? null : new Date(signedAtMs).toISOString();
  return { digest, signer, identity, mediaType, logged, signedAt };
}

/** Refusals that a root of another Sigstore instance may lead to. */
const ABOUT_ROOT: readonly string[] = ["missing_log_proof", "untrusted_certificate"];

function hintFor({ code, hint }: ConnectorError, { trustedRoot }: VerifyOptions) {
  return trustedRoot === undefined && ABOUT_ROOT.includes(code)
    ? "checked with Sigstore's public-good root: for another instance, give its --trusted-root"
    : hint ?? null;
}

function reportRefusal(error: ConnectorError, options: VerifyOptions, io: VerifyIo): void {
  const { file, output } = options;
  const { code, message } = error;
  const hint = hintFor(error, options);
  if (output !== "text") {
    printResult(io, output, { verified: false, file, code, message, hint }, () => []);
    return;
  }
  io.printError(`REFUSED ${code}: ${message}`);
  if (hint !== null) io.printError(`  ${hint}`);
}
