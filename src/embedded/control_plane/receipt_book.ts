/** POST /executions/{id}/receipts: signed by the key that the cluster registered, or refused. */
import { compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { decodeUtf8 } from "../../core/encoding.ts";
import { ReceiptPayload, ReceiptRequest, type RegisterRequest } from "../../core/protocol.ts";
import { parseJson, parseOrRefuse, Refusal } from "./problem.ts";

export const RECEIPT_TYPE = "neuralops-receipt+jwt";

export interface StoredReceipt {
  readonly payload: ReceiptPayload;
  readonly jws: string;
}

type KeyLookup = (clusterId: string, keyId: string) => RegisterRequest["publicKey"] | null;

export class ReceiptBook {
  readonly receipts: StoredReceipt[] = [];
  /** Receipts that came again. */
  duplicates = 0;

  constructor(private readonly publicKey: KeyLookup) {}

  async accept(clusterId: string, executionId: string, body: unknown): Promise<void> {
    const { receipt: jws } = parseOrRefuse(ReceiptRequest, body);
    const payload = await this.#verify(clusterId, jws);
    if (payload.executionId !== executionId || payload.clusterId !== clusterId) {
      throw new Refusal(422, "malformed_request", "the receipt is for another execution");
    }
    if (this.receipts.some((stored) => stored.jws === jws)) this.duplicates += 1;
    else this.receipts.push({ payload, jws });
  }

  async #verify(clusterId: string, jws: string): Promise<ReceiptPayload> {
    const text = await this.#verifiedText(clusterId, jws).catch(() => null);
    if (text === null) throw new Refusal(422, "bad_signature", "the receipt's signature is wrong");
    return parseOrRefuse(ReceiptPayload, parseJson(text));
  }

  async #verifiedText(clusterId: string, jws: string): Promise<string | null> {
    const { kid, typ } = decodeProtectedHeader(jws);
    const jwk = this.publicKey(clusterId, kid ?? "");
    if (!jwk || typ !== RECEIPT_TYPE) return null;
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: jwk.x }, "EdDSA");
    const { payload } = await compactVerify(jws, key, { algorithms: ["EdDSA"] });
    return decodeUtf8(payload);
  }
}
