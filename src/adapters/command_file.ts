/** `commands.json`: the last command that was taken durably. Losing it only means seeing some again. */
import * as z from "zod";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { Files } from "../runtime.ts";

const MAX_BYTES = 4096;
const Content = z.strictObject({ lastEventId: z.string().min(1).max(256) });

export class CommandFile {
  readonly #path: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#path = `${stateDir}/commands.json`;
  }

  /** null when there is none, or none that can be read: the control plane then sends all again. */
  async load(): Promise<string | null> {
    const bytes = await this.files.read(this.#path, MAX_BYTES);
    try {
      return bytes && Content.parse(JSON.parse(decodeUtf8(bytes))).lastEventId;
    } catch {
      return null;
    }
  }

  async save(lastEventId: string): Promise<void> {
    await this.files.replaceDurably(this.#path, encodeUtf8(JSON.stringify({ lastEventId })));
  }
}
