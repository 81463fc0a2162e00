/** The gap ledger on disk: append-only JSON lines, one file per query. */
import { encodeGaps, type LedgerTail, parseLedgerTail } from "../core/signals/gap_ledger.ts";
import type { Gap } from "../core/protocol.ts";
import type { Files } from "../runtime.ts";

/** Gaps that are not sent yet stand at the end and are fewer than this holds by far. */
const TAIL_BYTES = 4 * 1024 * 1024;

export class GapFiles {
  readonly #directory: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#directory = `${stateDir}/gaps`;
  }

  /** Recorded gaps that reach beyond `afterMs`. Throws StalledError `state_damaged`. */
  async pending(query: string, afterMs: number): Promise<Gap[]> {
    const { gaps } = await this.#readTail(this.#path(query));
    return gaps.filter((gap) => gap.endMs > afterMs);
  }

  /** Returns once the gaps are on the disk. */
  async append(query: string, gaps: readonly Gap[]): Promise<void> {
    const path = this.#path(query);
    await this.files.ensureDirectory(this.#directory);
    const { tornBytes, size } = await this.#readTail(path);
    // A line that a crash or a full disk cut short would swallow the next one.
    if (tornBytes > 0) await this.files.truncate(path, size - tornBytes);
    const file = await this.files.openAppend(path);
    try {
      await file.append(encodeGaps(gaps));
    } finally {
      file.close();
    }
  }

  async #readTail(path: string): Promise<LedgerTail & { size: number }> {
    const size = (await this.files.stat(path))?.size ?? 0;
    if (size === 0) return { gaps: [], tornBytes: 0, size };
    const offset = Math.max(0, size - TAIL_BYTES);
    const bytes = await this.files.readAt(path, offset, TAIL_BYTES);
    return { ...parseLedgerTail(bytes, offset > 0, path), size };
  }

  #path(query: string): string {
    return `${this.#directory}/${query}.jsonl`;
  }
}
