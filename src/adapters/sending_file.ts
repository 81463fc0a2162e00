/** What may have gone out of the window that is being sent, one file per query: see `SendingNote`. */
import {
  encodeNote,
  MAX_NOTE_BYTES,
  parseNote,
  type SendingNote,
} from "../core/signals/remote_write/sending_note.ts";
import { InvalidInputError, StalledError } from "../errors.ts";
import type { Files } from "../runtime.ts";

export class SendingFiles {
  readonly #directory: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#directory = `${stateDir}/sending`;
  }

  /** null when nothing was ever sent. Throws StalledError `state_damaged`. */
  async load(query: string): Promise<SendingNote | null> {
    const path = this.#path(query);
    const bytes = await this.#read(path);
    return bytes && parseNote(new TextDecoder().decode(bytes), query, path);
  }

  /** Resolves once it is on the disk. */
  async save(note: SendingNote): Promise<void> {
    await this.files.ensureDirectory(this.#directory);
    await this.files.replaceDurably(this.#path(note.query), encodeNote(note));
  }

  async #read(path: string): Promise<Uint8Array | null> {
    try {
      return await this.files.read(path, MAX_NOTE_BYTES);
    } catch (error) {
      // Too large to be a note: as damaged as an unreadable one.
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
