/** Cursors on disk: one file per query, replaced durably, so that a crash leaves the old or the new. */
import { InvalidInputError } from "../errors.ts";
import {
  type Cursor,
  encodeCursor,
  MAX_CURSOR_BYTES,
  parseCursor,
} from "../core/signals/cursor.ts";
import type { Files } from "../runtime.ts";
import { stateError } from "./state_error.ts";

export class CursorFiles {
  readonly #directory: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#directory = `${stateDir}/cursors`;
  }

  /** null when the query never ran. Throws StalledError `state_damaged` on a file that is no cursor. */
  async load(query: string): Promise<Cursor | null> {
    const path = this.#path(query);
    const bytes = await this.#read(path);
    return bytes && parseCursor(new TextDecoder().decode(bytes), query, path);
  }

  async save(cursor: Cursor): Promise<void> {
    const path = this.#path(cursor.query);
    await stateError(path, async () => {
      await this.files.ensureDirectory(this.#directory);
      await this.files.replaceDurably(path, encodeCursor(cursor));
    });
  }

  async #read(path: string): Promise<Uint8Array | null> {
    try {
      return await stateError(path, () => this.files.read(path, MAX_CURSOR_BYTES));
    } catch (error) {
      // Too large to be a cursor: as damaged as an unreadable one.
      if (error instanceof InvalidInputError) return new Uint8Array();
      throw error;
    }
  }

  #path(query: string): string {
    return `${this.#directory}/${query}.json`;
  }
}
