/**
 * Sigstore bundles, v0.1 to v0.3, from untrusted JSON: bounded, strict, one reading only. The library's
 * own parser takes any v0.x, skips unknown fields and lets one of two contradicting fields win.
 */
import { type Bundle, bundleFromJSON, ValidationError } from "@sigstore/bundle";
import { X509Certificate } from "@sigstore/core";
import { Buffer } from "node:buffer";
import * as z from "zod";
import { InvalidInputError, RefusedError } from "../../errors.ts";
import { decodeBase64, decodeUtf8, encodeBase64 } from "../encoding.ts";
import { provesInclusion } from "./inclusion_proof.ts";

export const MAX_BUNDLE_BYTES = 256 * 1024;
const MAX_ENTRIES = 10;
const MAX_CERTIFICATES = 10;
const V01_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle+json;version=0.1";
const MEDIA_TYPES = [
  V01_MEDIA_TYPE,
  "application/vnd.dev.sigstore.bundle+json;version=0.2",
  "application/vnd.dev.sigstore.bundle+json;version=0.3",
  "application/vnd.dev.sigstore.bundle.v0.3+json",
] as const;

/** `decodeBase64` skips white space, hence the pattern. Some writers wrap lines, which Go's readers allow. */
const base64 = z.string().transform((text) => text.replace(/\r?\n/g, ""))
  .pipe(
    z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, "must be standard base64").refine(isCanonical, {
      message: "must be standard base64",
    }),
  );
const filled = base64.refine((text) => text !== "", { message: "must not be empty" });
const int64 = z.union([z.string().regex(/^\d{1,18}$/), z.int().min(0)]);

const TlogEntry = z.strictObject({
  logIndex: int64.nullish(),
  logId: z.strictObject({ keyId: base64 }),
  kindVersion: z.strictObject({ kind: z.string().max(64), version: z.string().max(64) }),
  integratedTime: int64.nullish(),
  inclusionPromise: z.strictObject({ signedEntryTimestamp: base64 }).nullish(),
  inclusionProof: z.strictObject({
    logIndex: int64.nullish(),
    rootHash: base64,
    treeSize: int64,
    hashes: z.array(base64).max(64).nullish(),
    checkpoint: z.strictObject({ envelope: z.string().max(16_384) }).nullish(),
  }).nullish(),
  canonicalizedBody: base64,
});
const Certificate = z.strictObject({ rawBytes: base64 });

const BundleSchema = z.strictObject({
  mediaType: z.enum(MEDIA_TYPES),
  verificationMaterial: z.strictObject({
    publicKey: z.strictObject({ hint: z.string().max(1024).nullish() }).nullish(),
    certificate: Certificate.nullish(),
    x509CertificateChain: z.strictObject({
      certificates: z.array(Certificate).min(1).max(MAX_CERTIFICATES),
    }).nullish(),
    tlogEntries: z.array(TlogEntry).max(MAX_ENTRIES).nullish(),
    timestampVerificationData: z.strictObject({
      rfc3161Timestamps: z.array(z.strictObject({ signedTimestamp: base64 })).max(MAX_ENTRIES)
        .nullish(),
    }).nullish(),
  }).refine(
    (value) => countSet(value.publicKey, value.certificate, value.x509CertificateChain) === 1,
    { message: "must hold exactly one of publicKey, certificate and x509CertificateChain" },
  ),
  messageSignature: z.strictObject({
    messageDigest: z.strictObject({
      algorithm: z.enum(["SHA2_256", "SHA2_384", "SHA2_512"]).nullish(),
      digest: base64.nullish(),
    }).nullish(),
    signature: filled,
  }).nullish(),
  dsseEnvelope: z.strictObject({
    payload: filled,
    payloadType: z.literal("application/vnd.in-toto+json"),
    signatures: z.array(
      z.strictObject({ sig: filled, keyid: z.string().max(1024).nullish() }),
    )
      .length(1, "must hold exactly one signature"),
  }).nullish(),
}).refine((value) => countSet(value.messageSignature, value.dsseEnvelope) === 1, {
  message: "must hold exactly one of messageSignature and dsseEnvelope",
});

/** Bundle JSON as read from a file. Throws InvalidInputError `malformed_bundle`; the empty file is no bundle at all. */
export function parseBundleBytes(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_BUNDLE_BYTES) throw malformed(`is larger than ${MAX_BUNDLE_BYTES} bytes`);
  try {
    const text = decodeUtf8(bytes);
    return text.trim() === "" ? null : JSON.parse(text);
  } catch (cause) {
    throw malformed("is not JSON", cause);
  }
}

/**
 * Where a message signature names no digest (cosign does not with Ed25519 keys), the artifact's own is put in,
 * so that log entries are compared with it.
 * Throws RefusedError `missing_signature` where there is no bundle, InvalidInputError `malformed_bundle`.
 */
export function parseBundle(value: unknown, artifactSha256: Uint8Array): Bundle {
  if (isAbsent(value)) {
    throw new RefusedError(
      "missing_signature",
      "bundle check failed: there is no signature bundle",
      {
        hint: "sign the exact bytes with `cosign sign-blob --bundle` and send the bundle with them",
      },
    );
  }
  if (jsonLength(value) > MAX_BUNDLE_BYTES) {
    throw malformed(`is larger than ${MAX_BUNDLE_BYTES} bytes`);
  }
  const result = BundleSchema.safeParse(value);
  if (!result.success) throw malformed(describeIssue(result.error.issues[0]));
  const json = result.data;
  if (json.messageSignature && !json.messageSignature.messageDigest?.digest) {
    json.messageSignature.messageDigest = {
      algorithm: "SHA2_256",
      digest: encodeBase64(artifactSha256),
    };
  }
  // v0.1 rests on the log's promise; a proof without a signed checkpoint proves nothing, but must hold.
  if (json.mediaType === V01_MEDIA_TYPE) {
    for (const entry of json.verificationMaterial.tlogEntries ?? []) {
      if (!entry.inclusionProof || entry.inclusionProof.checkpoint) continue;
      assertProof(entry.canonicalizedBody, entry.inclusionProof);
      entry.inclusionProof = null;
    }
  }
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(json);
  } catch (cause) {
    throw malformed(`breaks the rules of its version: ${describeRules(cause)}`, cause);
  }
  assertNoRoot(bundle);
  return bundle;
}

/** X509CertificateChain in sigstore_common.proto: a signer must not put its root beside its certificate. */
function assertNoRoot({ verificationMaterial: { content } }: Bundle): void {
  if (content.$case !== "x509CertificateChain") return;
  for (const { rawBytes } of content.x509CertificateChain.certificates) {
    let isRoot: boolean;
    try {
      const { subject, issuer } = X509Certificate.parse(Buffer.from(rawBytes));
      isRoot = subject.length > 0 && subject.equals(issuer);
    } catch (cause) {
      throw malformed("holds a certificate that cannot be read", cause);
    }
    if (isRoot) throw malformed("holds a root certificate; only the trusted root may bring one");
  }
}

/** The library names the fields in a property of its error. */
function describeRules(cause: unknown): string {
  return cause instanceof ValidationError
    ? `${cause.message}, at ${cause.fields.join(", ")}`
    : (cause as Error).message;
}

function assertProof(
  body: string,
  { logIndex, treeSize, hashes, rootHash }: NonNullable<
    z.infer<typeof TlogEntry>["inclusionProof"]
  >,
): void {
  const proof = {
    index: BigInt(logIndex ?? 0),
    size: BigInt(treeSize),
    hashes: (hashes ?? []).map(decodeBase64),
    root: decodeBase64(rootHash),
  };
  if (!provesInclusion(decodeBase64(body), proof)) {
    throw malformed("holds an inclusion proof that does not lead to its root hash");
  }
}

function malformed(what: string, cause?: unknown): InvalidInputError {
  return new InvalidInputError("malformed_bundle", `bundle check failed: the bundle ${what}`, {
    hint:
      "expected a Sigstore bundle v0.1, v0.2 or v0.3 in JSON, as `cosign sign-blob --bundle` writes it",
    cause,
  });
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.join(".") || "(top level)";
  return `is wrong at ${path}: ${issue?.message ?? "unreadable"}`;
}

function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function jsonLength(value: unknown): number {
  try {
    return JSON.stringify(value).length;
  } catch (cause) {
    throw malformed("is not JSON", cause);
  }
}

function countSet(...values: unknown[]): number {
  return values.filter((value) => value !== null && value !== undefined).length;
}

function isCanonical(text: string): boolean {
  try {
    decodeBase64(text);
    return true;
  } catch {
    return false;
  }
}
