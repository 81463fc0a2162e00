/**
 * How far each stream has come: one small Secret for each, sealed. Heads are not read from the executions'
 * labels, of which there may be thousands, and which go when executions are pruned.
 */
import * as z from "zod";
import { RefusedError } from "../../../errors.ts";
import {
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  sha256Hex,
} from "../../../core/encoding.ts";
import { type ExecutionRecord, wasAccepted } from "../../../core/execution.ts";
import type { JournalKey } from "../../../core/journal_key.ts";
import type { JsonObject } from "../../../core/kubernetes_object.ts";
import { isSealedBy, seal } from "../../../core/seal.ts";
import type { StreamHead } from "../../../core/stream_head.ts";
import { CHUNK_TYPE } from "./chunks.ts";
import { damaged, type JournalStore, LABELS } from "./store.ts";

const DOMAIN = "neuralops-stream-head/v1";
const HEAD = "head";
const PAGE_SIZE = 500;
const NAME_DIGITS = 32;
const MAX_TRIES = 5;
const Content = z.strictObject({
  stream: z.string(),
  sequence: z.int().min(0),
  id: z.string(),
  seal: z.string(),
});

interface KnownHead extends StreamHead {
  readonly stream: string;
  readonly version: string;
  /** Whether those who judge sequences know of it. */
  readonly isTold: boolean;
}

export class StreamHeads {
  #known = new Map<string, KnownHead>();

  constructor(private readonly store: JournalStore, private readonly key: JournalKey) {}

  async isEmpty(): Promise<boolean> {
    const selector = `${LABELS.holds}=${HEAD}`;
    for await (const _ of this.store.list("secrets", { selector, limit: 1 })) return false;
    return true;
  }

  /** Throws StalledError `state_damaged`. */
  async load(): Promise<ReadonlyMap<string, StreamHead>> {
    const selector = `${LABELS.holds}=${HEAD}`;
    const known = new Map<string, KnownHead>();
    const secrets = this.store.list("secrets", { selector, whole: true, limit: PAGE_SIZE });
    for await (const secret of secrets) {
      const head = await this.#read(secret);
      known.set(head.stream, { ...head, isTold: true });
    }
    this.#known = known;
    return new Map(
      [...known].map(([stream, { sequence, id }]) => [stream, { sequence, id }]),
    );
  }

  /**
   * Durable when it resolves; nothing for a record that was refused.
   * Throws RefusedError `sequence_not_newer` when it is further than those know who judged the sequence.
   */
  async raise(record: ExecutionRecord): Promise<void> {
    const { stream, sequence, id } = record;
    if (!wasAccepted(record.state)) return;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const known = this.#known.get(stream);
      if (known && known.sequence >= sequence) {
        // Its own: from a try without an answer, or from before a crash.
        if (known.id === id || known.isTold) return;
        throw new RefusedError(
          "sequence_not_newer",
          `Stream ${stream} has come to ${known.sequence} meanwhile, with ${known.id}`,
        );
      }
      if (await this.#write(stream, { sequence, id }, known)) return;
      await this.#refresh(stream);
    }
    throw changed(stream);
  }

  /** The record that it was raised for is there. */
  confirm({ stream, id }: ExecutionRecord): void {
    const known = this.#known.get(stream);
    if (known?.id === id) this.#known.set(stream, { ...known, isTold: true });
  }

  /** Before the record of that id goes; the sequence stays. */
  async forget(id: string): Promise<void> {
    for (const head of [...this.#known.values()]) {
      if (head.id !== id) continue;
      if (await this.#write(head.stream, { sequence: head.sequence, id: "" }, head)) continue;
      await this.#refresh(head.stream);
      throw changed(head.stream);
    }
  }

  async #write(
    stream: string,
    { sequence, id }: StreamHead,
    known: KnownHead | undefined,
  ): Promise<boolean> {
    const content = { stream, sequence, id };
    const sealed = { ...content, seal: await seal(DOMAIN, content, this.key) };
    const data = { [HEAD]: encodeBase64(encodeUtf8(JSON.stringify(sealed))) };
    const name = nameOf(stream);
    const stored = known
      ? await this.store.patch("secrets", name, known.version, { data })
      : await this.store.create("secrets", {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, labels: { [LABELS.holds]: HEAD } },
        type: CHUNK_TYPE,
        data,
      });
    if (!stored) return false;
    const version = String(stored.metadata.resourceVersion);
    this.#known.set(stream, { ...content, version, isTold: known?.isTold === true && id === "" });
    return true;
  }

  async #refresh(stream: string): Promise<void> {
    const secret = await this.store.find("secrets", nameOf(stream));
    if (secret) this.#known.set(stream, await this.#read(secret));
    else this.#known.delete(stream);
  }

  async #read(secret: JsonObject): Promise<KnownHead> {
    const { name, resourceVersion } = secret.metadata as Record<string, string>;
    const what = `Secret ${this.store.namespace}/${name}`;
    let content: z.infer<typeof Content>;
    try {
      const { [HEAD]: text } = secret.data as Record<string, string>;
      content = Content.parse(JSON.parse(decodeUtf8(decodeBase64(text!))));
    } catch (cause) {
      throw damaged(what, "it holds no stream's head", cause);
    }
    const { seal: sealText, ...head } = content;
    if (nameOf(head.stream) !== name || !await isSealedBy(this.key, DOMAIN, head, sealText)) {
      throw damaged(what, "its seal does not hold");
    }
    return { ...head, version: resourceVersion!, isTold: false };
  }
}

function nameOf(stream: string): string {
  return `wpx-stream-${sha256Hex(stream).slice(0, NAME_DIGITS)}`;
}

function changed(stream: string): RefusedError {
  return new RefusedError(
    "not_leader",
    `The head of stream ${stream} is written by others as well`,
  );
}
