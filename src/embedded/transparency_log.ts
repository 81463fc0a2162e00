/** A Rekor of one's own, on @sigstore/mock's log and timestamp authority: entries as v1 or v2 makes them. */
import { dsse } from "@sigstore/core";
import { initializeTLog, initializeTSA } from "@sigstore/mock";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { z } from "zod";
import { decodeBase64, encodeBase64, sha256, sha256Hex } from "../core/encoding.ts";
import type { Clock } from "../runtime.ts";
import type { BundleContent } from "./signer.ts";

const SHA256_OID = "2.16.840.1.101.3.4.2.1";
const TIMESTAMP_POLICY_OID = "1.2.3.4.1";
const EPOCH = "1970-01-01T00:00:00Z";

/** Rekor v1's answer; the mock's own type for it is not published. */
const LogAnswer = z.record(
  z.string(),
  z.object({
    body: z.string(),
    integratedTime: z.int(),
    logID: z.string(),
    logIndex: z.int(),
    verification: z.object({
      signedEntryTimestamp: z.string(),
      inclusionProof: z.object({
        logIndex: z.int(),
        treeSize: z.int(),
        rootHash: z.string(),
        checkpoint: z.string(),
      }),
    }),
  }),
);

/** Who signed, as PEM: a certificate or a public key. */
export type VerifierPem = string;

export interface TransparencyLog {
  /** Its part of a trusted_root.json. */
  readonly trustedRoot: Record<"tlogs" | "timestampAuthorities", unknown[]>;
  /** Verification material for a bundle: v1 promises the time itself, v2 leaves it to a timestamp authority. */
  record(
    content: BundleContent,
    verifier: VerifierPem,
    version?: "v1" | "v2",
  ): Promise<Record<string, unknown>>;
}

/**
 * v2 timestamps need a clock that is not behind the real one: the mock's authority begins to be valid now.
 * @param hasAuthority without a timestamp authority there is no v2
 */
export async function createTransparencyLog(
  clock: Clock,
  hasAuthority: boolean,
): Promise<TransparencyLog> {
  // The mock reads its clock through a Date that it keeps: setting that Date sets its time.
  const time = new Date(clock.now());
  const newKeys = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
  const log = await initializeTLog("https://rekor.embedded.test", newKeys(), time);
  const authority = hasAuthority ? await initializeTSA(newKeys(), time) : null;

  return {
    trustedRoot: {
      tlogs: [{
        baseUrl: "https://rekor.embedded.test",
        hashAlgorithm: "SHA2_256",
        publicKey: {
          rawBytes: encodeBase64(log.publicKey),
          keyDetails: "PKIX_ECDSA_P256_SHA_256",
          validFor: { start: EPOCH },
        },
        logId: { keyId: encodeBase64(sha256(log.publicKey)) },
      }],
      timestampAuthorities: authority === null ? [] : [{
        subject: { commonName: "embedded timestamp authority" },
        certChain: {
          certificates: [authority.intCertificate, authority.rootCertificate].map((
            certificate,
          ) => ({
            rawBytes: encodeBase64(toBytes(certificate)),
          })),
        },
        validFor: { start: EPOCH },
      }],
    },
    async record(content, verifier, version = "v1") {
      time.setTime(clock.now());
      const isV1 = version === "v1";
      const body = isV1 ? describeV1(content, verifier) : describeV2(content, verifier);
      const entry = Object.values(LogAnswer.parse(await log.log(body)))[0]!;
      const { inclusionProof, signedEntryTimestamp } = entry.verification;
      const tlogEntry = {
        logIndex: String(entry.logIndex),
        logId: { keyId: encodeBase64(Uint8Array.fromHex(entry.logID)) },
        kindVersion: { kind: body.kind, version: body.apiVersion },
        canonicalizedBody: entry.body,
        ...isV1 && {
          integratedTime: String(entry.integratedTime),
          inclusionPromise: { signedEntryTimestamp },
        },
        inclusionProof: {
          logIndex: String(inclusionProof.logIndex),
          treeSize: String(inclusionProof.treeSize),
          rootHash: encodeBase64(Uint8Array.fromHex(inclusionProof.rootHash)),
          hashes: [],
          checkpoint: { envelope: inclusionProof.checkpoint },
        },
      };
      if (isV1) return { tlogEntries: [tlogEntry] };
      if (authority === null) throw new Error("this log has no timestamp authority, hence no v2");
      const timestamp = await authority.timestamp({
        artifactHash: Buffer.from(sha256(decodeBase64(readSignature(content)))),
        hashAlgorithmOID: SHA256_OID,
        nonce: 1,
        policyOID: TIMESTAMP_POLICY_OID,
      });
      return {
        tlogEntries: [tlogEntry],
        timestampVerificationData: {
          rfc3161Timestamps: [{ signedTimestamp: encodeBase64(toBytes(timestamp)) }],
        },
      };
    },
  };
}

interface EntryBody {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: unknown;
}

function describeV1(content: BundleContent, verifierPem: string): EntryBody {
  const verifier = btoa(verifierPem);
  if ("messageSignature" in content) {
    const { messageDigest, signature } = content.messageSignature;
    const digest = decodeBase64(messageDigest.digest!).toHex();
    const algorithm = messageDigest.algorithm === "SHA2_384" ? "sha384" : "sha256";
    return {
      kind: "hashedrekord",
      apiVersion: "0.0.1",
      spec: {
        data: { hash: { algorithm, value: digest } },
        signature: { content: signature, publicKey: { content: verifier } },
      },
    };
  }
  const { payload, signatures } = content.dsseEnvelope;
  return {
    kind: "dsse",
    apiVersion: "0.0.1",
    spec: {
      envelopeHash: { algorithm: "sha256", value: sha256Hex(JSON.stringify(content.dsseEnvelope)) },
      payloadHash: { algorithm: "sha256", value: sha256Hex(decodeBase64(payload)) },
      signatures: [{ signature: signatures[0].sig, verifier }],
    },
  };
}

/** v2 knows only hashes: of the artifact, or of the encoding that an envelope's signature covers. */
function describeV2(content: BundleContent, verifierPem: string): EntryBody {
  const isCertificate = verifierPem.includes("CERTIFICATE");
  const data = "messageSignature" in content
    ? content.messageSignature.messageDigest
    : { algorithm: "SHA2_256", digest: encodeBase64(sha256(encodeEnvelope(content))) };
  return {
    kind: "hashedrekord",
    apiVersion: "0.0.2",
    spec: {
      hashedRekordV002: {
        data,
        signature: {
          content: readSignature(content),
          verifier: {
            [isCertificate ? "x509Certificate" : "publicKey"]: {
              rawBytes: stripArmour(verifierPem),
            },
            keyDetails: "PKIX_ECDSA_P256_SHA_256",
          },
        },
      },
    },
  };
}

function encodeEnvelope({ dsseEnvelope }: Extract<BundleContent, { dsseEnvelope: unknown }>) {
  return dsse.preAuthEncoding(
    dsseEnvelope.payloadType,
    Buffer.from(dsseEnvelope.payload, "base64"),
  );
}

function readSignature(content: BundleContent): string {
  return "messageSignature" in content
    ? content.messageSignature.signature
    : content.dsseEnvelope.signatures[0].sig;
}

function stripArmour(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
}

function toBytes(view: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
