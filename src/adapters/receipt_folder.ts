/**
 * Receipts as files: waiting ones in `receipts/`, those of executions after delivery in
 * `receipts/delivered/`, for as long as the journal has the execution.
 */
import * as z from "zod";
import { StalledError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import { auditSequenceOf, isOfExecution } from "../core/receipt.ts";
import type { ReceiptStore, StoredReceipt } from "../execution/receipt_issuer.ts";
import type { ReceiptOutbox, UndeliveredReceipt } from "../loops/receipts.ts";
import type { Files } from "../runtime.ts";

const SUFFIX = ".json";
const MAX_RECEIPT_BYTES = 128 * 1024;
const MAX_BATCH = 100;
const Content = z.strictObject({ executionId: z.string(), jws: z.string() });

export class ReceiptFolder implements ReceiptStore, ReceiptOutbox {
  readonly #waiting: string;
  readonly #delivered: string;
  /** Where the last batch ended. Receipts that are refused for good stay, and must not fill every batch. */
  #position = "";
  #onPut: () => void = () => {};

  constructor(private readonly files: Files, stateDir: string) {
    this.#waiting = `${stateDir}/receipts`;
    this.#delivered = `${stateDir}/receipts/delivered`;
  }

  /** Calls back after every new receipt. */
  set onPut(callback: () => void) {
    this.#onPut = callback;
  }

  async has(key: string): Promise<boolean> {
    return await this.files.stat(this.#path(this.#waiting, key)) !== null ||
      await this.files.stat(this.#path(this.#delivered, key)) !== null;
  }

  async put(key: string, receipt: StoredReceipt): Promise<void> {
    await this.files.ensureDirectory(this.#delivered);
    const bytes = encodeUtf8(JSON.stringify(receipt));
    await this.files.createExclusive(this.#path(this.#waiting, key), bytes);
    this.#onPut();
  }

  async find(executionId: string): Promise<StoredReceipt | null> {
    const places: [key: string, directory: string][] = [];
    // Waiting ones first: one that is delivered meanwhile is met again in the other folder.
    for (const directory of [this.#waiting, this.#delivered]) {
      for (const name of await this.files.list(directory)) {
        if (!name.startsWith(`${executionId}.`) || !name.endsWith(SUFFIX)) continue;
        places.push([name.slice(0, -SUFFIX.length), directory]);
      }
    }
    const outcomes = places.filter(([key]) => isOfExecution(key));
    let last: { readonly at: number; readonly content: StoredReceipt } | null = null;
    for (const [key, directory] of outcomes.length > 0 ? outcomes : places) {
      if (await this.files.stat(this.#path(directory, key)) === null) continue;
      const { content } = await this.#read(directory, key);
      const at = auditSequenceOf(content.jws);
      if (last === null || at > last.at) last = { at, content };
    }
    return last && last.content;
  }

  /** Those of one execution in the order of its outcomes; a long queue in batches, one per call. */
  async undelivered(): Promise<UndeliveredReceipt[]> {
    const names = (await this.files.list(this.#waiting)).filter((name) => name.endsWith(SUFFIX));
    const start = names.findIndex((name) => name > this.#position);
    const batch = names.slice(Math.max(start, 0)).slice(0, MAX_BATCH);
    this.#position = names.length > MAX_BATCH ? batch.at(-1)! : "";
    const receipts: UndeliveredReceipt[] = [];
    for (const name of batch) {
      const key = name.slice(0, -SUFFIX.length);
      const { content } = await this.#read(this.#waiting, key);
      receipts.push({ key, ...content });
    }
    return receipts;
  }

  async markDelivered(key: string): Promise<void> {
    if (isOfExecution(key)) {
      const { bytes } = await this.#read(this.#waiting, key);
      await this.files.createExclusive(this.#path(this.#delivered, key), bytes);
    }
    await this.files.remove(this.#path(this.#waiting, key));
  }

  /** Removes every receipt of these executions. Durable when it resolves. */
  async forget(executionIds: ReadonlySet<string>): Promise<void> {
    if (executionIds.size === 0) return;
    for (const directory of [this.#delivered, this.#waiting]) {
      for (const name of await this.files.list(directory)) {
        const [id] = name.split(".");
        if (executionIds.has(id!)) await this.files.remove(`${directory}/${name}`);
      }
    }
  }

  async #read(directory: string, key: string) {
    const path = this.#path(directory, key);
    const bytes = await this.files.read(path, MAX_RECEIPT_BYTES);
    try {
      return { bytes: bytes!, content: Content.parse(JSON.parse(decodeUtf8(bytes!))) };
    } catch (error) {
      throw new StalledError("state_damaged", `${path} is no receipt`, {
        cause: error,
        hint: "move it away; the execution it belongs to gets a new one at the next start",
      });
    }
  }

  #path(directory: string, key: string): string {
    return `${directory}/${key}${SUFFIX}`;
  }
}
