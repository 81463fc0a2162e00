/** Writes signed receipts into the outbox, once per outcome; the receipts loop delivers them. */
import type { ConnectorKey } from "../core/connector_key.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import {
  RECEIPT_TYPE,
  receiptOf,
  receiptOfRefusal,
  type UnrecordedRefusal,
} from "../core/receipt.ts";
import type { ReceiptPayload } from "../core/protocol.ts";

export interface ReceiptStore {
  has(key: string): Promise<boolean>;
  /** Durable when it resolves; no error when the key exists. */
  put(key: string, receipt: { executionId: string; jws: string }): Promise<void>;
}

export class ReceiptIssuer {
  constructor(
    private readonly store: ReceiptStore,
    private readonly key: ConnectorKey,
    private readonly clusterId: () => string,
  ) {}

  async issue(record: ExecutionRecord): Promise<void> {
    await this.#write(receiptOf(record, this.clusterId()));
  }

  async issueRefusal(refusal: UnrecordedRefusal): Promise<void> {
    await this.#write(receiptOfRefusal(refusal, this.clusterId()));
  }

  async #write(payload: ReceiptPayload): Promise<void> {
    // The same outcome has the same key, so a receipt is never issued twice after a crash.
    const key = [payload.executionId, payload.state, payload.code ?? "ok"].join(".");
    if (await this.store.has(key)) return;
    const jws = await this.key.signJws(RECEIPT_TYPE, payload);
    await this.store.put(key, { executionId: payload.executionId, jws });
  }
}
