/**
 * In which order settled executions came: an empty file for each, in a folder per state, day and minute, so
 * that the newest and the oldest are found without opening a record, or listing all of them.
 * `<state>/<day>/<minute>/<receivedAtMs>.<expiresAtMs>.<id>`
 */
import { dirname } from "node:path";
import { byArrival, type ExecutionRecord, isExecutionId } from "../core/execution.ts";
import { type ExecutionState, ExecutionStateSchema } from "../core/protocol.ts";
import { Turns } from "../core/turns.ts";
import type { Files } from "../runtime.ts";

export interface OrderEntry {
  readonly id: string;
  readonly state: ExecutionState;
  readonly receivedAtMs: number;
  readonly expiresAtMs: number;
}

const UNFINISHED = ".tmp";
type Turn = <T>(oldestFirst: T[]) => T[];
const NOTHING = new Uint8Array();

export class JournalOrder {
  readonly #turns = new Turns();

  constructor(private readonly files: Files, private readonly directory: string) {}

  /** Durable when it resolves; no error when it is there. */
  add(entry: OrderEntry): Promise<void> {
    return this.#turns.take("", async () => {
      const folder = this.#folderOf(entry);
      await this.files.ensureDirectory(folder);
      await this.files.createExclusive(`${folder}/${nameOf(entry)}`, NOTHING);
    });
  }

  /** Durable when it resolves; no error when it is gone. Folders that are empty then go as well. */
  remove(entry: OrderEntry): Promise<void> {
    return this.#turns.take("", async () => {
      const folder = this.#folderOf(entry);
      await this.files.remove(`${folder}/${nameOf(entry)}`);
      for (const name of await this.files.list(folder)) {
        if (name.endsWith(UNFINISHED)) await this.files.remove(`${folder}/${name}`);
      }
      for (const path of [folder, dirname(folder)]) {
        if ((await this.files.list(path)).length > 0) return;
        await this.files.remove(path);
      }
    });
  }

  /** @param state all of them unless given */
  async *newestFirst(state?: ExecutionState): AsyncGenerator<OrderEntry> {
    yield* this.#merge(state, (items) => items.toReversed(), (a, b) => byArrival(b, a));
  }

  async *oldestFirst(): AsyncGenerator<OrderEntry> {
    yield* this.#merge(undefined, (items) => items, byArrival);
  }

  async *#merge(state: ExecutionState | undefined, turn: Turn, compare: typeof byArrival) {
    const states = (await this.files.list(this.directory))
      .map((name) => ExecutionStateSchema.safeParse(name).data)
      .filter((one) => one !== undefined && (!state || one === state));
    const walks = states.map((one) => this.#walk(one!, turn));
    const next = new Map<AsyncGenerator<OrderEntry>, OrderEntry>();
    const advance = async (walk: AsyncGenerator<OrderEntry>) => {
      const { value, done } = await walk.next();
      if (done) next.delete(walk);
      else next.set(walk, value);
    };
    for (const walk of walks) await advance(walk);
    while (next.size > 0) {
      const [walk, entry] = [...next].reduce((a, b) => compare(a[1], b[1]) <= 0 ? a : b);
      yield entry;
      await advance(walk);
    }
  }

  async *#walk(state: ExecutionState, turn: Turn): AsyncGenerator<OrderEntry> {
    const root = `${this.directory}/${state}`;
    for (const day of turn(await this.files.list(root))) {
      for (const minute of turn(await this.files.list(`${root}/${day}`))) {
        const names = await this.files.list(`${root}/${day}/${minute}`);
        const entries = names.map((name) => parseName(name, state))
          .filter((entry) => entry !== null);
        yield* turn(entries.sort(byArrival));
      }
    }
  }

  #folderOf({ state, receivedAtMs }: OrderEntry): string {
    const [day, time] = new Date(receivedAtMs).toISOString().split("T");
    return `${this.directory}/${state}/${day}/${time!.slice(0, 5).replace(":", "")}`;
  }
}

/** Whether the entry still speaks of this record, which may have been taken up again since. */
export function isOf(entry: OrderEntry, record: ExecutionRecord): boolean {
  return entry.state === record.state && nameOf(entry) === nameOf(record);
}

function nameOf({ receivedAtMs, expiresAtMs, id }: OrderEntry): string {
  return `${receivedAtMs}.${expiresAtMs}.${id}`;
}

/** null for what a cut-short write left. */
function parseName(name: string, state: ExecutionState): OrderEntry | null {
  const [, received, expires, id] = /^(\d+)\.(\d+)\.([^.]+)$/.exec(name) ?? [];
  if (!isExecutionId(id ?? "")) return null;
  return { id: id!, state, receivedAtMs: Number(received), expiresAtMs: Number(expires) };
}
