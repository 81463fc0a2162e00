/**
 * Who a verified certificate names, byte for byte. The library's policy takes the identity for an
 * unanchored regex and reads names as ASCII with the eighth bit dropped; neither may decide who is let in.
 */
import { X509Certificate } from "@sigstore/core";
import type { Signer } from "@sigstore/verify";
import { encodeUtf8 } from "../encoding.ts";

const SUBJECT_ALT_NAME = "2.5.29.17";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
/** Fulcio's OIDs: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
const ISSUER_V1 = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";

const SEQUENCE = 0x30;
const UTF8_STRING = 0x0c;
const EMAIL_NAME = 0x81;
const URI_NAME = 0x86;
/** Fulcio's names of people who have no e-mail address, `user!domain`, as otherName: the OID and its DER. */
const OTHER_NAME = 0xa0;
const FULCIO_USERNAME = Uint8Array.fromHex("060a2b0601040183bf300107");

type Identity = NonNullable<Signer["identity"]>;

/** Whether the certificate's only subject alternative name is this text: URI, e-mail address, Fulcio user name. */
export function namesIdentity(identity: Identity, expected: string): boolean {
  const text = encodeUtf8(expected);
  const userName = [...FULCIO_USERNAME, ...encodeDer(OTHER_NAME, encodeDer(UTF8_STRING, text))];
  return [
    encodeDer(URI_NAME, text),
    encodeDer(EMAIL_NAME, text),
    encodeDer(OTHER_NAME, new Uint8Array(userName)),
  ].some((name) => hasExtension(identity, SUBJECT_ALT_NAME, encodeDer(SEQUENCE, name)));
}

/** Whether the OIDC issuer recorded in the certificate is this text. */
export function namesIssuer(identity: Identity, expected: string): boolean {
  const issuer = encodeUtf8(expected);
  return readExtensions(identity, ISSUER_V2).length > 0
    ? hasExtension(identity, ISSUER_V2, encodeDer(UTF8_STRING, issuer))
    : hasExtension(identity, ISSUER_V1, issuer);
}

/** Why a leaf may not sign artifacts, although an authority issued it; null when it may. */
export function findUnfitness(leaf: X509Certificate): string | null {
  if (leaf.isCA) return "is an authority's certificate";
  const usages = leaf.extension(EXTENDED_KEY_USAGE)?.valueObj.subs[0]?.subs ?? [];
  return usages.some((usage) => usage.toOID() === CODE_SIGNING) ? null : "is not for code signing";
}

function hasExtension(identity: Identity, oid: string, value: Uint8Array): boolean {
  const found = readExtensions(identity, oid);
  return found.length === 1 && found[0]!.equals(value);
}

function readExtensions(identity: Identity, oid: string) {
  return (identity.oids ?? [])
    .filter((extension) => extension.oid?.id.join(".") === oid)
    .map((extension) => extension.value);
}

function encodeDer(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const header = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  return new Uint8Array([...header, ...content]);
}
