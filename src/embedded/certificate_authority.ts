/**
 * A Fulcio of one's own: certificates of ten minutes that carry identity, issuer and a timestamp of the
 * CT log. @sigstore/mock's authority is tied to the real clock and to one kind of name, hence this one.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { initializeCTLog } from "@sigstore/mock";
import { generateKeyPairSync } from "node:crypto";
import { encodeBase64, encodeUtf8, sha256 } from "../core/encoding.ts";
import type { Clock } from "../runtime.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const CERTIFICATE_LIFETIME_MS = 600_000;
const SIGNED_TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2";
const FULCIO_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;

export interface CertificateRequest {
  readonly publicKeyPem: string;
  readonly identity: string;
  readonly issuer: string;
  readonly issuedAtMs: number;
}

export interface CertificateAuthority {
  /** Its part of a trusted_root.json. */
  readonly trustedRoot: Record<"certificateAuthorities" | "ctlogs", unknown[]>;
  /** DER. */
  issue(request: CertificateRequest): Promise<Uint8Array<ArrayBuffer>>;
}

export async function createCertificateAuthority(clock: Clock): Promise<CertificateAuthority> {
  // The mock reads its clock through a Date that it keeps: setting that Date sets its time.
  const time = new Date(clock.now());
  const ctLog = await initializeCTLog(generateKeyPairSync("ec", { namedCurve: "P-256" }), time);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=NeuralOps embedded Fulcio",
    notBefore: new Date(clock.now() - 365 * DAY_MS),
    notAfter: new Date(clock.now() + 365 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issuerKeyHash = sha256(new Uint8Array(root.publicKey.rawData));

  return {
    trustedRoot: {
      certificateAuthorities: [{
        subject: { commonName: "NeuralOps embedded Fulcio" },
        uri: "https://fulcio.embedded.test",
        certChain: { certificates: [{ rawBytes: encodeBase64(new Uint8Array(root.rawData)) }] },
        validFor: { start: root.notBefore.toISOString() },
      }],
      ctlogs: [{
        baseUrl: "https://ctfe.embedded.test",
        hashAlgorithm: "SHA2_256",
        publicKey: {
          rawBytes: encodeBase64(ctLog.publicKey),
          keyDetails: "PKIX_ECDSA_P256_SHA_256",
          validFor: { start: root.notBefore.toISOString() },
        },
        logId: { keyId: encodeBase64(sha256(ctLog.publicKey)) },
      }],
    },
    async issue({ publicKeyPem, identity, issuer, issuedAtMs }) {
      time.setTime(issuedAtMs);
      const publicKey = new x509.PublicKey(publicKeyPem);
      const template = {
        serialNumber: crypto.randomUUID().replaceAll("-", "").replace(/^./, "1"),
        notBefore: new Date(issuedAtMs),
        notAfter: new Date(issuedAtMs + CERTIFICATE_LIFETIME_MS),
        issuer: root.subject,
        publicKey,
        signingAlgorithm: ALGORITHM,
        signingKey: keys.privateKey,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.codeSigning]),
          await x509.SubjectKeyIdentifierExtension.create(publicKey),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
          new x509.SubjectAlternativeNameExtension(
            [{ type: identity.includes("://") ? "url" : "email", value: identity }],
            true,
          ),
          new x509.Extension(
            FULCIO_ISSUER_V2,
            false,
            wrap(UTF8_STRING, encodeUtf8(issuer)),
          ),
        ],
      };
      const preCertificate = await x509.X509CertificateGenerator.create(template);
      const timestamp = new Uint8Array(
        await ctLog.log(preCertificate.rawData, issuerKeyHash.buffer),
      );
      const list = new Uint8Array([0, timestamp.length, ...timestamp]);
      template.extensions.push(
        new x509.Extension(SIGNED_TIMESTAMPS, false, wrap(OCTET_STRING, list)),
      );
      const certificate = await x509.X509CertificateGenerator.create(template);
      return new Uint8Array(certificate.rawData);
    },
  };
}

/** DER with the short form of length, which these few bytes always fit. */
function wrap(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  if (content.length > 0x7f) throw new RangeError("longer than 127 bytes");
  return new Uint8Array([tag, content.length, ...content]);
}
