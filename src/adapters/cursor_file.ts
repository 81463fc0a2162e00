/** Cursors on disk: one file per query, replaced durably, so that a crash leaves the old or the new. */
import { InvalidInputError, StalledError } from "../errors.ts";
import {
  type Cursor,
  encodeCursor,
  MAX_CURSOR_BYTES,
  parseCursor,
} from "../core/signals/cursor.ts";
import type { Files } from "../runtime.ts";

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
    await this.files.ensureDirectory(this.#directory);
    await this.files.replaceDurably(this.#path(cursor.query), encodeCursor(cursor));
  }

  async #read(path: string): Promise<Uint8Array | null> {
    try {
      return await this.files.read(path, MAX_CURSOR_BYTES);
    } catch (error) {
      // Too large to be a cursor: as damaged as an unreadable one.
      if (error instanceof InvalidInputError) return new Uint8Array();
      throw new StalledError("state_unwritable", `Cannot read ${path}`, {
        cause: error,
        hint: "make the state directory readable and writable for the connector's user",
      });
    }
  }

  #path(query: string): string {
    return `${this.#directory}/${query}.json`;
  }
}
