/** Writes signed receipts into the outbox, once per outcome; the receipts loop delivers them. */
import type { ConnectorKey } from "../core/connector_key.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { ReceiptPayload } from "../core/protocol.ts";
import {
  RECEIPT_TYPE,
  receiptKey,
  receiptOf,
  receiptOfRefusal,
  refusalKey,
  type UnrecordedRefusal,
} from "../core/receipt.ts";

export interface ReceiptStore {
  has(key: string): Promise<boolean>;
  /** Durable when it resolves; no error when the key exists. */
  put(key: string, receipt: StoredReceipt): Promise<void>;
  /** Of an execution's last outcome, delivered or not; of a package without a record, its refusal. */
  find(executionId: string): Promise<StoredReceipt | null>;
}

export interface StoredReceipt {
  readonly executionId: string;
  /** Compact EdDSA JWS over ReceiptPayload. */
  readonly jws: string;
}

export class ReceiptIssuer {
  constructor(private readonly store: ReceiptStore, private readonly key: ConnectorKey) {}

  async issue(record: ExecutionRecord): Promise<void> {
    await this.#write(receiptKey(record), receiptOf(record));
  }

  async issueRefusal(refusal: UnrecordedRefusal): Promise<void> {
    await this.#write(refusalKey(refusal), receiptOfRefusal(refusal));
  }

  async #write(key: string, payload: ReceiptPayload): Promise<void> {
    if (await this.store.has(key)) return;
    const jws = await this.key.signJws(RECEIPT_TYPE, payload);
    await this.store.put(key, { executionId: payload.executionId, jws });
  }
}
