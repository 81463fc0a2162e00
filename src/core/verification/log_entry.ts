/**
 * Two checks on transparency log entries that the library leaves out: the entry must name the very
 * certificate or key of the bundle (else a signature could hide behind another's entry, unseen by who
 * monitors the log), and an inclusion proof must agree with its signed checkpoint.
 */
import type { Bundle } from "@sigstore/bundle";
import { z } from "zod";
import { decodeBase64, decodeUtf8 } from "../encoding.ts";

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
  const [, size, root] = (proof.checkpoint?.envelope ?? "").split("\n");
  return size === proof.treeSize && root === proof.rootHash.toString("base64")
    ? null
    : "holds an inclusion proof that differs from its signed checkpoint";
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
