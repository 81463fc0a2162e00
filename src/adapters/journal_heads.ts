/** The streams' heads in one sealed file. The state lock makes this process the only writer. */
import * as z from "zod";
import { StalledError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import { isSealedBy, seal } from "../core/seal.ts";
import { risenHead, type StreamHead } from "../core/stream_head.ts";
import { Turns } from "../core/turns.ts";
import type { Files } from "../runtime.ts";

const DOMAIN = "neuralops-streams/v1";
const MAX_BYTES = 64 * 1024 * 1024;
const Stored = z.strictObject({
  heads: z.array(z.strictObject({ stream: z.string(), sequence: z.int(), id: z.string() })),
  seal: z.string(),
});

export class JournalHeads {
  #heads: ReadonlyMap<string, StreamHead> = new Map();
  readonly #turns = new Turns();

  constructor(
    private readonly files: Files,
    private readonly path: string,
    private readonly key: JournalKey,
  ) {}

  /** null when there is no file yet. Throws StalledError `state_damaged` when it is not as we left it. */
  async read(): Promise<ReadonlyMap<string, StreamHead> | null> {
    const bytes = await this.files.read(this.path, MAX_BYTES);
    if (!bytes) return null;
    let stored: z.infer<typeof Stored>;
    try {
      stored = Stored.parse(JSON.parse(decodeUtf8(bytes)));
    } catch (cause) {
      throw this.#damaged("cannot be read", cause);
    }
    if (!await isSealedBy(this.key, DOMAIN, stored.heads, stored.seal)) {
      throw this.#damaged("is not as this connector left it: its seal does not hold");
    }
    const heads = stored.heads.map(({ stream, ...head }) => [stream, head] as const);
    return this.#heads = new Map(heads);
  }

  async begin(): Promise<ReadonlyMap<string, StreamHead>> {
    await this.#write(new Map());
    return this.#heads;
  }

  /** Durable when it resolves. */
  raise(record: ExecutionRecord): Promise<void> {
    return this.#turns.take("", async () => {
      const head = risenHead(this.#heads.get(record.stream), record);
      if (head) await this.#write(new Map(this.#heads).set(record.stream, head));
    });
  }

  /** Keeps the sequences, so that a package without a record cannot come again. Durable when it resolves. */
  forget(ids: ReadonlySet<string>): Promise<void> {
    return this.#turns.take("", async () => {
      const named = [...this.#heads].filter(([, { id }]) => ids.has(id));
      if (named.length === 0) return;
      const heads = new Map(this.#heads);
      for (const [stream, head] of named) heads.set(stream, { ...head, id: "" });
      await this.#write(heads);
    });
  }

  async #write(heads: ReadonlyMap<string, StreamHead>): Promise<void> {
    const list = [...heads].map(([stream, head]) => ({ stream, ...head }));
    const stored = { heads: list, seal: await seal(DOMAIN, list, this.key) };
    await this.files.replaceDurably(this.path, encodeUtf8(`${JSON.stringify(stored)}\n`));
    this.#heads = heads;
  }

  #damaged(what: string, cause?: unknown): StalledError {
    return new StalledError("state_damaged", `The journal file ${this.path} ${what}`, {
      cause,
      hint: "restore it from a backup: it says which sequences each stream has used up. " +
        "If key.pem was replaced, move the whole journal away",
    });
  }
}
