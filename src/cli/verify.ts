/** `verify FILE --bundle B`: who signed a file, or why it is refused. Offline; needs no running connector. */
import { stringify } from "yaml";
import { parseBundleBytes } from "../core/verification/bundle.ts";
import type { TrustedSigner } from "../core/verification/trust.ts";
import type { Verified } from "../core/verification/verdict.ts";
import { createVerifier } from "../core/verification/verify.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { ConnectorError, describeError } from "../errors.ts";

export interface VerifyOptions {
  /** A path, or `sha256:<hex>` of a file that is elsewhere. */
  readonly file: string;
  /** Paths. */
  readonly bundle: string;
  readonly key?: string | undefined;
  readonly trustedRoot?: string | undefined;
  readonly certificateIdentity?: string | undefined;
  readonly certificateOidcIssuer?: string | undefined;
  readonly output: "text" | "json" | "yaml";
}

export interface VerifyIo {
  /** null when there is no such file; throws when it cannot be read. */
  readFile(path: string): Promise<Uint8Array | null>;
  print(line: string): void;
  printError(line: string): void;
}

/** 0 verified, 1 refused, 2 wrong usage. */
export type VerifyExitCode = 0 | 1 | 2;

class UsageError extends Error {
  override readonly name = "UsageError";
}

export async function runVerify(options: VerifyOptions, io: VerifyIo): Promise<VerifyExitCode> {
  try {
    checkFlags(options);
    const artifact = options.file.startsWith("sha256:")
      ? { sha256: options.file }
      : await read(options.file, io);
    const bundle = await read(options.bundle, io);
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
  const trustedRootJson = options.trustedRoot && await readText(options.trustedRoot, io);
  if (options.key !== undefined) {
    return {
      kind: "key",
      name: options.key,
      publicKeyPem: await readText(options.key, io),
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

async function read(path: string, io: VerifyIo): Promise<Uint8Array> {
  let bytes: Uint8Array | null;
  try {
    bytes = await io.readFile(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${describeError(error)}`);
  }
  if (bytes === null) throw new UsageError(`there is no file ${path}`);
  return bytes;
}

async function readText(path: string, io: VerifyIo): Promise<string> {
  const bytes = await read(path, io);
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new UsageError(`${path} is not a text file`);
  }
}

function report(verified: Verified, { file, output }: VerifyOptions, io: VerifyIo): void {
  const { signer, identity, digest, mediaType, logged, signedAtMs } = verified;
  const signedAt = signedAtMs === null ? null : new Date(signedAtMs).toISOString();
  if (output !== "text") {
    print(
      { verified: true, file, digest, signer, identity, mediaType, logged, signedAt },
      output,
      io,
    );
    return;
  }
  io.print(`Verified OK: ${file}`);
  io.print(`  digest    ${digest}`);
  io.print(`  signer    ${signer}`);
  if (identity !== signer) io.print(`  identity  ${identity}`);
  io.print(`  log       ${logged ? "entry verified" : "no entry verified"}`);
  io.print(`  signed    ${signedAt ?? "at a time that nothing vouches for"}`);
}

function reportRefusal(error: ConnectorError, options: VerifyOptions, io: VerifyIo): void {
  const { code, message, hint } = error;
  if (options.output !== "text") {
    const refusal = { verified: false, file: options.file, code, message, hint: hint ?? null };
    print(refusal, options.output, io);
    return;
  }
  io.printError(`REFUSED ${code}: ${message}`);
  if (hint !== undefined) io.printError(`  ${hint}`);
}

function print(value: object, output: "json" | "yaml", io: VerifyIo): void {
  io.print(output === "json" ? JSON.stringify(value, null, 2) : stringify(value).trimEnd());
}
