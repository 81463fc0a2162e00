/** A transparency log of one entry, whose every part a test can bend: checkpoint, promise, key. */
import { json as canonical } from "@sigstore/core";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { hashLeaf } from "../../src/core/audit/merkle.ts";
import { encodeBase64, encodeUtf8, sha256 } from "../../src/core/encoding.ts";

export interface EntryBody {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: unknown;
}

export class OneLeafLog {
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #spki = this.#keys.publicKey.export({ type: "spki", format: "der" });
  readonly #id = sha256(this.#spki);

  constructor(private readonly host = "rekor.one-leaf.test") {}

  /** Its item of a trusted root's `tlogs`. */
  trustedLog(validFor: { start?: string; end?: string } = { start: "2020-01-01T00:00:00Z" }) {
    return {
      baseUrl: `https://${this.host}`,
      hashAlgorithm: "SHA2_256",
      publicKey: {
        rawBytes: encodeBase64(this.#spki),
        keyDetails: "PKIX_ECDSA_P256_SHA_256",
        validFor,
      },
      logId: { keyId: encodeBase64(this.#id) },
    };
  }

  /** A checkpoint's signature line: another name, or another key hint, where a test says so. */
  signLine(note: string, name = this.host, hint: Uint8Array = this.#id.subarray(0, 4)): string {
    const signature = sign("sha256", encodeUtf8(note), this.#keys.privateKey);
    return `\u2014 ${name} ${encodeBase64(new Uint8Array([...hint, ...signature]))}\n`;
  }

  rootHash(body: EntryBody): string {
    return encodeBase64(hashLeaf(encodeUtf8(canonical.canonicalize(body))));
  }

  /** The text that a checkpoint's signatures cover. */
  note(body: EntryBody): string {
    return `${this.host}\n1\n${this.rootHash(body)}\n`;
  }

  /**
   * @param promisedAtMs makes it a Rekor v1 entry, with a promise of this time
   * @param envelope the checkpoint; a good one without it
   */
  record(body: EntryBody, { promisedAtMs, envelope }: {
    readonly promisedAtMs?: number;
    readonly envelope?: string;
  } = {}) {
    const note = this.note(body);
    const canonicalizedBody = encodeBase64(encodeUtf8(canonical.canonicalize(body)));
    return {
      logIndex: "0",
      logId: { keyId: encodeBase64(this.#id) },
      kindVersion: { kind: body.kind, version: body.apiVersion },
      ...promisedAtMs !== undefined && this.#promise(canonicalizedBody, promisedAtMs / 1000),
      inclusionProof: {
        logIndex: "0",
        treeSize: "1",
        rootHash: this.rootHash(body),
        hashes: [],
        checkpoint: { envelope: envelope ?? `${note}\n${this.signLine(note)}` },
      },
      canonicalizedBody,
    };
  }

  #promise(body: string, integratedTime: number) {
    const logID = this.#id.toHex();
    const payload = canonical.canonicalize({ body, integratedTime, logID, logIndex: 0 });
    const signature = sign("sha256", Buffer.from(payload), this.#keys.privateKey);
    return {
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: signature.toString("base64") },
    };
  }
}
