/** The segment that is being written: never behind half a line, never in a file that someone else touched. */
import { RefusedError } from "../errors.ts";
import type { AppendFile, Files } from "../runtime.ts";

export class OpenSegment {
  #file: AppendFile | null;
  /** A write failed: what follows `#bytes` may be half a line. */
  #suspect = false;

  private constructor(
    private readonly files: Files,
    readonly path: string,
    readonly day: string,
    readonly firstSequence: number,
    file: AppendFile,
    private readonly inode: number | null,
    private acknowledged: number,
  ) {
    this.#file = file;
  }

  /** @param acknowledged how many bytes of the file are known to be whole records */
  static async open(
    files: Files,
    path: string,
    place: { day: string; firstSequence: number },
    acknowledged: number,
  ): Promise<OpenSegment> {
    const file = await files.openAppend(path);
    try {
      const info = await files.stat(path);
      const { day, firstSequence } = place;
      return new OpenSegment(files, path, day, firstSequence, file, info!.inode, acknowledged);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Length of the records that are known to be on the disk. */
  get bytes(): number {
    return this.acknowledged;
  }

  /**
   * Makes sure that the file ends where the last acknowledged record ends.
   * @param beforeTrim told, before it is done, how many bytes of a failed write are cut off
   * @throws RefusedError `audit_broken` when the file is gone, exchanged, or changed by someone else
   */
  async prepare(beforeTrim: (bytes: number) => Promise<void>): Promise<void> {
    const size = await this.#sizeNow();
    if (!this.#suspect) {
      if (size > this.acknowledged) throw this.#broken("was written by someone else");
      return;
    }
    if (size > this.acknowledged) await beforeTrim(size - this.acknowledged);
    this.close();
    await this.files.truncate(this.path, this.acknowledged);
    this.#file = await this.files.openAppend(this.path);
    this.#suspect = false;
  }

  /**
   * Durable, and in the file that has the name, once it resolves. After a failure `prepare` MUST come
   * before the next call.
   * @throws RefusedError `audit_broken` as `prepare` does
   */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file!.append(bytes);
    } catch (error) {
      this.#suspect = true;
      throw error;
    }
    this.acknowledged += bytes.length;
    // A file that lost its name takes bytes as ever: only who looks afterwards may acknowledge.
    if (await this.#sizeNow() > this.acknowledged) {
      throw this.#broken("was written by someone else");
    }
  }

  async #sizeNow(): Promise<number> {
    const info = await this.files.stat(this.path);
    if (info === null) throw this.#broken("has disappeared");
    if (info.inode !== this.inode) throw this.#broken("was replaced by another file");
    if (info.size < this.acknowledged) throw this.#broken(`was cut to ${info.size} bytes`);
    return info.size;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #broken(what: string): RefusedError {
    return new RefusedError(
      "audit_broken",
      `The audit file ${this.path} ${what} (${this.acknowledged} bytes were acknowledged)`,
      { hint: "keep the folder as it is, find out who changed it, then restart the connector" },
    );
  }
}
