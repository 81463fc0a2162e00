/** Takes old executions out of the journal, and what crashes have left in it. */
import type { Turns } from "../core/turns.ts";
import type { PruneOptions } from "../execution/journal.ts";
import type { JournalFolder } from "./journal_folder.ts";
import type { JournalHeads } from "./journal_heads.ts";
import type { JournalOrder, OrderEntry } from "./journal_order.ts";
import { readEntered } from "./journal_stored.ts";

export interface JournalParts {
  readonly ended: JournalFolder;
  readonly packages: JournalFolder;
  readonly preimages: JournalFolder;
  readonly order: JournalOrder;
  readonly heads: JournalHeads;
  /** One for each execution: whoever changes its files has it. */
  readonly turns: Turns;
  /** Whether there is a record; asked by whoever has the turn. */
  readonly isKnown: (id: string) => Promise<boolean>;
}

export class JournalPruning {
  constructor(private readonly parts: JournalParts) {}

  /** See Journal.prune. */
  async prune(options: PruneOptions): Promise<number> {
    const { heads, order, turns } = this.parts;
    const due: OrderEntry[] = [];
    for await (const entry of order.oldestFirst()) {
      if (due.length === options.limit || entry.receivedAtMs >= options.endedBeforeMs) break;
      if (entry.expiresAtMs <= options.nowMs && await this.#isDue(entry, options)) due.push(entry);
    }
    const ids = new Set(due.map(({ id }) => id));
    await heads.forget(ids);
    await options.beforeRemoval(ids);
    for (const entry of due) await turns.take(entry.id, () => this.#remove(entry));
    await this.#removeLeftovers();
    return due.length;
  }

  /** Also takes away an entry that a crash left without its record. */
  async #isDue(entry: OrderEntry, { endedBeforeMs }: PruneOptions): Promise<boolean> {
    const { ended, order, turns } = this.parts;
    return await turns.take(entry.id, async () => {
      const record = await readEntered(ended, entry);
      if (!record) await order.remove(entry);
      return record !== null && record.sinceMs < endedBeforeMs;
    });
  }

  /** The entry goes last: whatever a crash leaves, the next time begins from it. */
  async #remove(entry: OrderEntry): Promise<void> {
    const { ended, order, packages, preimages } = this.parts;
    if (!await readEntered(ended, entry)) return; // taken up again meanwhile
    for (const folder of [preimages, packages, ended]) await folder.remove(entry.id);
    await order.remove(entry);
  }

  /** Halves of writes, and what belongs to a record that a crash kept from being made. */
  async #removeLeftovers(): Promise<void> {
    const { ended, isKnown, packages, preimages, turns } = this.parts;
    const folders = [packages, preimages, ended];
    const contents = await Promise.all(folders.map((folder) => folder.list()));
    const settled = new Set(contents[2]!.ids);
    for (const [index, folder] of folders.entries()) {
      const { ids, unfinished } = contents[index]!;
      for (const name of unfinished) {
        const [id] = name.split(".");
        await turns.take(id!, () => folder.removeUnfinished(name));
      }
      for (const id of ids.filter((one) => !settled.has(one))) {
        await turns.take(id, async () => {
          if (!await isKnown(id)) await folder.remove(id);
        });
      }
    }
  }
}
