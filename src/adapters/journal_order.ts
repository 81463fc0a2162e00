/**
 * In which order settled executions came: an empty file for each, in a folder per day and minute, so that
 * the newest and the oldest are found without opening a record, or listing all of them.
 * `<day>/<minute>/<receivedAtMs>.<expiresAtMs>.<state>.<id>`
 */
import { type ExecutionRecord, isExecutionId } from "../core/execution.ts";
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
      const day = folder.slice(0, folder.lastIndexOf("/"));
      for (const path of [folder, day]) {
        if ((await this.files.list(path)).length > 0) return;
        await this.files.remove(path);
      }
    });
  }

  async *newestFirst(): AsyncGenerator<OrderEntry> {
    yield* this.#walk((items) => items.toReversed());
  }

  async *oldestFirst(): AsyncGenerator<OrderEntry> {
    yield* this.#walk((items) => items);
  }

  async *#walk(turn: <T>(oldestFirst: T[]) => T[]): AsyncGenerator<OrderEntry> {
    for (const day of turn(await this.files.list(this.directory))) {
      for (const minute of turn(await this.files.list(`${this.directory}/${day}`))) {
        const names = await this.files.list(`${this.directory}/${day}/${minute}`);
        const entries = names.map(parseName).filter((entry) => entry !== null);
        yield* turn(entries.sort(byArrival));
      }
    }
  }

  #folderOf({ receivedAtMs }: OrderEntry): string {
    const [day, time] = new Date(receivedAtMs).toISOString().split("T");
    return `${this.directory}/${day}/${time!.slice(0, 5).replace(":", "")}`;
  }
}

/** Oldest first; of one millisecond, by id. */
export function byArrival(
  a: Pick<OrderEntry, "id" | "receivedAtMs">,
  b: Pick<OrderEntry, "id" | "receivedAtMs">,
): number {
  return a.receivedAtMs - b.receivedAtMs || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** Whether the entry still speaks of this record, which may have been taken up again since. */
export function isOf(entry: OrderEntry, record: ExecutionRecord): boolean {
  return nameOf(entry) === nameOf(record);
}

function nameOf({ receivedAtMs, expiresAtMs, state, id }: OrderEntry): string {
  return `${receivedAtMs}.${expiresAtMs}.${state}.${id}`;
}

/** null for what a cut-short write left. */
function parseName(name: string): OrderEntry | null {
  const [received, expires, stateName, id, ...rest] = name.split(".");
  const state = ExecutionStateSchema.safeParse(stateName);
  const isEntry = rest.length === 0 && state.success && isExecutionId(id ?? "") &&
    /^\d+$/.test(received!) && /^\d+$/.test(expires!);
  if (!isEntry) return null;
  return {
    id: id!,
    state: state.data,
    receivedAtMs: Number(received),
    expiresAtMs: Number(expires),
  };
}
