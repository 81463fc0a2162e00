/**
 * Cursors that the next leader finds: one Secret beside the journal, a key for each query. The file of this
 * process stays the truth of what it acknowledged; the Secret follows it, in one small write of what changed
 * per half minute. Who takes over goes on from both together: what was acknowledged since the last write
 * is asked for and sent again.
 */
import type { HealthBoard } from "../../../core/health.ts";
import { decodeBase64, decodeUtf8, encodeBase64 } from "../../../core/encoding.ts";
import {
  type Cursor,
  encodeCursor,
  newestPoint,
  parseCursor,
  uniteCursors,
} from "../../../core/signals/cursor.ts";
import {
  ConnectorError,
  describeError,
  InvalidInputError,
  TransientError,
} from "../../../errors.ts";
import type { CursorStore } from "../../../loops/signals_ports.ts";
import type { Logger } from "../../../log.ts";
import type { Clock } from "../../../runtime.ts";
import { CHUNK_TYPE } from "./chunks.ts";
import { type JournalStore, LABELS } from "./store.ts";

const PART = "cursors";
const HOLDS = "cursors";
const PAUSE_MS = 30_000;
/** All queries begin at once when a term begins, and are answered by one read. */
const FRESH_MS = 5_000;
/** What is forgotten is sent again; 200 queries fit into a Secret several times over. */
const MAX_AHEAD = 8;
/** Of queries that are configured no more: longer than any history that could be asked for. */
const KEEP_MS = 31 * 86_400_000;

export interface SharedCursorPorts {
  readonly store: JournalStore;
  readonly secretName: string;
  readonly local: CursorStore;
  /** Of which the next leader goes on with; all others are this process's own. */
  readonly isShared: (query: string) => boolean;
  readonly clock: Clock;
  readonly health: HealthBoard;
  readonly log: Logger;
}

type Entries = Readonly<Record<string, string>>;

export class SharedCursors implements CursorStore {
  /** Saved in this term, and not in the Secret yet. */
  #changed = new Map<string, Cursor>();
  #read: { readonly atMs: number; readonly entries: Promise<Entries> } | null = null;

  constructor(private readonly ports: SharedCursorPorts) {}

  /** Rejects while the API server cannot be asked: to begin without what it knows would lose time. */
  async load(query: string): Promise<Cursor | null> {
    const { local, isShared, store, secretName } = this.ports;
    if (!isShared(query)) return await local.load(query);
    const [ours, entries] = await Promise.all([local.load(query), this.#entries()]);
    const { [query]: text } = entries;
    if (text === undefined) return ours;
    const where = `Secret ${store.namespace}/${secretName}`;
    const theirs = parseCursor(decode(text), query, where);
    return ours ? uniteCursors(ours, theirs) : theirs;
  }

  async save(cursor: Cursor): Promise<void> {
    await this.ports.local.save(cursor);
    if (this.ports.isShared(cursor.query)) this.#changed.set(cursor.query, cursor);
  }

  /** One term of leading: writes until the signal aborts, and once more then if it still may. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, health } = this.ports;
    health.report(PART, "ok", "the next leader finds them");
    while (!signal.aborted) {
      await clock.sleep(PAUSE_MS, signal).catch(() => {});
      await this.#publish(signal);
    }
    this.#changed.clear();
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { health, log, clock } = this.ports;
    if (this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Map();
    try {
      await this.#write(changed, clock.now());
      health.report(PART, "ok", "the next leader finds them");
    } catch (error) {
      // What was saved meanwhile is newer.
      this.#changed = new Map([...changed, ...this.#changed]);
      if (!(error instanceof ConnectorError)) throw error;
      if (signal.aborted) return;
      const reason = describeError(error);
      health.report(PART, "degraded", `the next leader would send again what they lack: ${reason}`);
      log.log("warn", "cursors_not_shared", { reason });
    }
  }

  async #write(changed: ReadonlyMap<string, Cursor>, nowMs: number): Promise<void> {
    const { store, secretName } = this.ports;
    const data = Object.fromEntries([...changed].map(([query, cursor]) => [query, encode(cursor)]));
    const stale = await this.#stale(nowMs);
    const patch = { data: { ...data, ...Object.fromEntries(stale.map((query) => [query, null])) } };
    if (await store.patch("secrets", secretName, null, patch)) return;
    await store.create("secrets", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secretName, labels: { [LABELS.holds]: HOLDS } },
      type: CHUNK_TYPE,
      data,
    });
  }

  /** Of what was read when the term began: queries that nobody asks for any more. */
  async #stale(nowMs: number): Promise<string[]> {
    const entries: Entries = await this.#read?.entries.catch(() => ({})) ?? {};
    this.#read = null;
    return Object.entries(entries).filter(([query, text]) => {
      if (this.ports.isShared(query)) return false;
      try {
        return newestPoint(parseCursor(decode(text), query, "")) < nowMs - KEEP_MS;
      } catch {
        return true;
      }
    }).map(([query]) => query);
  }

  #entries(): Promise<Entries> {
    const nowMs = this.ports.clock.monotonic();
    if (!this.#read || nowMs - this.#read.atMs > FRESH_MS) {
      const entries = this.#fetch();
      // One that failed is not kept: whoever asks next asks anew.
      entries.catch(() => this.#read = null);
      this.#read = { atMs: nowMs, entries };
    }
    return this.#read.entries;
  }

  async #fetch(): Promise<Entries> {
    const { store, secretName } = this.ports;
    try {
      const secret = await store.find("secrets", secretName);
      return (secret?.["data"] ?? {}) as Entries;
    } catch (error) {
      // Whatever the server answers in place of the Secret, it may answer better later.
      if (!(error instanceof InvalidInputError)) throw error;
      throw new TransientError("unavailable", error.message, { cause: error });
    }
  }
}

function encode(cursor: Cursor): string {
  return encodeBase64(encodeCursor({ ...cursor, ahead: cursor.ahead.slice(-MAX_AHEAD) }));
}

/** What is no base64 is no cursor either. */
function decode(text: string): string {
  try {
    return decodeUtf8(decodeBase64(text));
  } catch {
    return "";
  }
}
