/**
 * The gap ledger on disk: JSON lines, one file per query. It only grows, up to a bound; then old lines of
 * which the receiver knows go, in one replacement that a crash leaves undone or done.
 */
import { type Gap } from "../core/protocol.ts";
import {
  encodeGaps,
  keepOpen,
  type LedgerTail,
  parseLedgerTail,
} from "../core/signals/gap_ledger.ts";
import type { Files } from "../runtime.ts";
import { stateError } from "./state_error.ts";

/** More than this is rewritten with half as much, and all that is still open. */
const MAX_BYTES = 1024 * 1024;
/** A file from before there was a bound is read from here to its end. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

export class GapFiles {
  readonly #directory: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#directory = `${stateDir}/gaps`;
  }

  /** Recorded gaps that reach beyond `afterMs`. Throws StalledError `state_damaged`. */
  async pending(query: string, afterMs: number): Promise<Gap[]> {
    const path = this.#path(query);
    const { gaps } = await stateError(path, () => this.#read(path));
    return gaps.filter((gap) => gap.endMs > afterMs);
  }

  /**
   * Returns once the gaps are on the disk.
   * @param open recorded before and not acknowledged: kept, however old
   */
  async append(query: string, gaps: readonly Gap[], open: readonly Gap[]): Promise<void> {
    const path = this.#path(query);
    await stateError(path, () => this.#append(path, gaps, open));
  }

  async #append(path: string, gaps: readonly Gap[], open: readonly Gap[]): Promise<void> {
    await this.files.ensureDirectory(this.#directory);
    const known = await this.#read(path);
    const bytes = encodeGaps(gaps);
    if (known.size + bytes.length > MAX_BYTES) {
      const kept = keepOpen(known.gaps, open, MAX_BYTES / 2);
      return await this.files.replaceDurably(path, encodeGaps([...kept, ...gaps]));
    }
    // A line that a crash or a full disk cut short would swallow the next one.
    if (known.tornBytes > 0) await this.files.truncate(path, known.size - known.tornBytes);
    const file = await this.files.openAppend(path);
    try {
      await file.append(bytes);
    } finally {
      file.close();
    }
  }

  async #read(path: string): Promise<LedgerTail & { size: number }> {
    const size = (await this.files.stat(path))?.size ?? 0;
    if (size === 0) return { gaps: [], tornBytes: 0, size };
    const offset = Math.max(0, size - MAX_READ_BYTES);
    const bytes = await this.files.readAt(path, offset, MAX_READ_BYTES);
    return { ...parseLedgerTail(bytes, offset > 0, path), size };
  }

  #path(query: string): string {
    return `${this.#directory}/${query}.jsonl`;
  }
}
