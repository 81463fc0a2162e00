/**
 * Three checks on transparency log entries that the library leaves out: the entry must name the very
 * certificate or key of the bundle (else a signature could hide behind another's entry, unseen by who
 * monitors the log), an inclusion proof must agree with its signed checkpoint, and the log's key must
 * have been valid when the signature was made.
 */
import type { Bundle } from "@sigstore/bundle";
import type { TrustMaterial } from "@sigstore/verify";
import * as z from "zod";
import { decodeBase64, decodeUtf8 } from "../encoding.ts";

/** What follows a signed note's text, to its end: https://github.com/C2SP/C2SP/blob/main/signed-note.md */
const SIGNATURE_LINES = /^(\u2014 \S+ [A-Za-z0-9+/]+={0,2}\n)+$/;
/** The library's end of a validity that has none: the last time that a Date can hold. */
const END_OF_TIME_MS = 8.64e15;

type Entry = Bundle["verificationMaterial"]["tlogEntries"][number];

const base64 = z.string().transform(decodeBase64);
const pem = base64.transform((bytes) => decodePem(decodeUtf8(bytes)));
const rawVerifier = z.object({
  x509Certificate: z.object({ rawBytes: base64 }).optional(),
  publicKey: z.object({ rawBytes: base64 }).optional(),
}).transform((value) => (value.x509Certificate ?? value.publicKey)?.rawBytes);

const READERS: Readonly<Record<string, z.ZodType<Uint8Array | undefined>>> = {
  "hashedrekord/0.0.1": z.object({
    spec: z.object({ signature: z.object({ publicKey: z.object({ content: pem }) }) }),
  }).transform((body) => body.spec.signature.publicKey.content),
  "hashedrekord/0.0.2": z.object({
    spec: z.object({
      hashedRekordV002: z.object({ signature: z.object({ verifier: rawVerifier }) }),
    }),
  }).transform((body) => body.spec.hashedRekordV002.signature.verifier),
  "dsse/0.0.1": z.object({
    spec: z.object({ signatures: z.tuple([z.object({ verifier: pem })]) }),
  }).transform((body) => body.spec.signatures[0].verifier),
  "dsse/0.0.2": z.object({
    spec: z.object({
      dsseV002: z.object({ signatures: z.tuple([z.object({ verifier: rawVerifier })]) }),
    }),
  }).transform((body) => body.spec.dsseV002.signatures[0].verifier),
  "intoto/0.0.2": z.object({
    spec: z.object({
      content: z.object({
        envelope: z.object({ signatures: z.tuple([z.object({ publicKey: pem })]) }),
      }),
    }),
  }).transform((body) => body.spec.content.envelope.signatures[0].publicKey),
};

/**
 * `verifierDer` is the signing certificate, or the SubjectPublicKeyInfo of a key.
 * Returns what is wrong with the entry, null when nothing is.
 */
export function findEntryFault(entry: Entry, verifierDer: Uint8Array): string | null {
  const { kind, version } = entry.kindVersion;
  const body = READERS[`${kind}/${version}`]?.safeParse(parseJson(entry.canonicalizedBody));
  if (!body) return `is of the kind ${kind}/${version}, which is not supported`;
  if (!body.data) return "does not name who signed";
  if (!isEqual(body.data, verifierDer)) return "names another signer than the bundle does";

  const proof = entry.inclusionProof;
  if (!proof) return null;
  const envelope = proof.checkpoint?.envelope ?? "";
  if (!SIGNATURE_LINES.test(envelope.slice(envelope.indexOf("\n\n") + 2))) {
    return "holds a checkpoint with text that is no signature";
  }
  const [, size, root] = envelope.split("\n");
  return size === proof.treeSize && root === proof.rootHash.toString("base64")
    ? null
    : "holds an inclusion proof that differs from its signed checkpoint";
}

/**
 * The library looks at the validity of a log's key only where the log promised a time. Rekor v2 does not:
 * there it is the time of whoever vouches for one, and a key without an end where nobody does.
 * PublicKey.valid_for in sigstore_common.proto, inclusive at both ends.
 * @param timesMs all that are vouched for
 */
export function findKeyFault(
  { logId, inclusionPromise }: Entry,
  logs: TrustMaterial["tlogs"],
  timesMs: readonly number[],
): string | null {
  if (inclusionPromise) return null;
  const isValid = logs.some(({ logID, validFor }) => {
    if (!logID.equals(logId.keyId)) return false;
    const [start, end] = [validFor.start.getTime(), validFor.end.getTime()];
    return timesMs.length === 0
      ? end === END_OF_TIME_MS
      : timesMs.every((time) => start <= time && time <= end);
  });
  return isValid ? null : "is in a log whose key was not valid then";
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

function decodePem(text: string): Uint8Array<ArrayBuffer> {
  return decodeBase64(text.replace(/-----(BEGIN|END) [A-Z ]+-----/g, "").replace(/\s/g, ""));
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
