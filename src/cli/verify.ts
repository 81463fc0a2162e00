/** `verify FILE --bundle B`: who signed a file, or why it is refused. Offline; needs no running connector. */
import { parseBundleBytes } from "../core/verification/bundle.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import type { Verified } from "../core/verification/verdict.ts";
import { createVerifier } from "../core/verification/verify.ts";
import { ConnectorError } from "../errors.ts";
import { readInput, readInputText } from "./input_file.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, printResult } from "./output.ts";

export interface VerifyOptions {
  /** A path, or `sha256:<hex>` of a file that is elsewhere. */
  readonly file: string;
  /** Paths. */
  readonly bundle: string;
  readonly key?: string | undefined;
  readonly trustedRoot?: string | undefined;
  readonly certificateIdentity?: string | undefined;
  readonly certificateOidcIssuer?: string | undefined;
  readonly output: Format;
}

type VerifyIo = Pick<CliIo, "readFile" | "print" | "printError">;

/** 0 verified, 1 refused, 2 wrong usage. */
export async function runVerify(options: VerifyOptions, io: VerifyIo): Promise<ExitCode> {
  try {
    checkFlags(options);
    const artifact = options.file.startsWith("sha256:")
      ? { sha256: options.file }
      : await readInput(io, options.file, Infinity);
    const bundle = await readInput(io, options.bundle, Infinity);
    const signer = await readSigner(options, io);
    report(createVerifier([signer]).verify(artifact, parseBundleBytes(bundle)), options, io);
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
  const { key, certificateIdentity, certificateOidcIssuer, trustedRoot } = options;
  const isKeyless = certificateIdentity !== undefined || certificateOidcIssuer !== undefined;
  if (key !== undefined && isKeyless) {
    throw new UsageError("give either --key or --certificate-identity, not both");
  }
  if (key === undefined && !isKeyless) {
    throw new UsageError("give --key, or --certificate-identity with --certificate-oidc-issuer");
  }
  if (!isKeyless) return;
  if (!certificateIdentity || !certificateOidcIssuer || !trustedRoot) {
    throw new UsageError(
      "--certificate-identity, --certificate-oidc-issuer and --trusted-root go together",
    );
  }
}

async function readSigner(options: VerifyOptions, io: VerifyIo): Promise<TrustedSigner> {
  const trustedRootJson = options.trustedRoot &&
    await readInputText(io, options.trustedRoot, Infinity);
  if (options.key !== undefined) {
    return {
      kind: "key",
      name: options.key,
      publicKeyPem: await readInputText(io, options.key, Infinity),
      transparencyLog: "optional",
      ...(trustedRootJson === undefined ? {} : { trustedRootJson }),
    };
  }
  return {
    kind: "keyless",
    name: options.certificateIdentity ?? "",
    identity: options.certificateIdentity ?? "",
    issuer: options.certificateOidcIssuer ?? "",
    trustedRootJson: trustedRootJson ?? "",
  };
}

function report(verified: Verified, { file, output }: VerifyOptions, io: VerifyIo): void {
  const { signer, identity, digest, mediaType, logged, signedAtMs } = verified;
  const signedAt = signedAtMs === null ? null : new Date(signedAtMs).toISOString();
  const result = { verified: true, file, digest, signer, identity, mediaType, logged, signedAt };
  printResult(io, output, result, () => [
    `Verified OK: ${file}`,
    `  digest    ${digest}`,
    `  signer    ${signer}`,
    ...(identity === signer ? [] : [`  identity  ${identity}`]),
    `  log       ${logged ? "entry verified" : "no entry verified"}`,
    `  signed    ${signedAt ?? "at a time that nothing vouches for"}`,
  ]);
}

function reportRefusal(error: ConnectorError, { file, output }: VerifyOptions, io: VerifyIo): void {
  const { code, message, hint } = error;
  if (output !== "text") {
    printResult(io, output, { verified: false, file, code, message, hint: hint ?? null }, () => []);
    return;
  }
  io.printError(`REFUSED ${code}: ${message}`);
  if (hint !== undefined) io.printError(`  ${hint}`);
}
