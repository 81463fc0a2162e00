/**
 * How far long work over many bytes has come, on standard error: in place on a terminal, in a plain
 * line now and then elsewhere. Work that is done within two seconds says nothing.
 */
import type { Archive } from "../core/audit/shipping.ts";
import type { Clock, Files } from "../runtime.ts";

export interface ProgressOutput {
  /** Whether standard error is a terminal that a line can be rewritten on. */
  readonly isTerminal: boolean;
  /** As it is, without a line feed of its own. */
  write(text: string): void;
  readonly clock: Pick<Clock, "monotonic">;
}

const PATIENCE_MS = 2_000;
const REDRAW_MS = 200;
const LINE_MS = 10_000;
const ERASE_LINE = "\r\u001b[K";
const BAR_CELLS = 24;

export class Progress {
  #bytes = 0;
  #nextMs: number;
  #isShown = false;
  readonly #startMs: number;

  private constructor(
    private readonly output: ProgressOutput | undefined,
    private readonly what: string,
    private readonly total: number | null,
  ) {
    this.#startMs = output?.clock.monotonic() ?? 0;
    this.#nextMs = this.#startMs + PATIENCE_MS;
  }

  /** @param total bytes; null when nobody knows */
  static async start(
    output: ProgressOutput | undefined,
    what: string,
    total: () => Promise<number | null>,
  ): Promise<Progress> {
    return new Progress(output, what, output ? await total() : null);
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (!this.output) return;
    const nowMs = this.output.clock.monotonic();
    if (nowMs < this.#nextMs) return;
    const { isTerminal } = this.output;
    this.#nextMs = nowMs + (isTerminal ? REDRAW_MS : LINE_MS);
    const line = this.#line(nowMs - this.#startMs);
    this.output.write(isTerminal ? `${ERASE_LINE}${line}` : `${line}\n`);
    this.#isShown = true;
  }

  end(): void {
    if (this.#isShown && this.output?.isTerminal) this.output.write(ERASE_LINE);
  }

  /** The same disk; what is read from it is counted. */
  counting(files: Files): Files {
    return {
      ...files,
      readAt: async (path, offset, length) => {
        const bytes = await files.readAt(path, offset, length);
        this.add(bytes.length);
        return bytes;
      },
    };
  }

  countingArchive(archive: Archive): Archive {
    const count = async function* (this: Progress, key: string) {
      for await (const chunk of archive.get(key)) {
        this.add(chunk.length);
        yield chunk;
      }
    }.bind(this);
    return { versions: (prefix) => archive.versions(prefix), get: count };
  }

  #line(elapsedMs: number): string {
    const perSecond = this.#bytes / (elapsedMs / 1000);
    const done = `${mega(this.#bytes)} MB`;
    const rate = `${mega(perSecond)} MB/s`;
    if (!this.total) return `${this.what}: ${done}, ${rate}`;
    const share = Math.min(1, this.#bytes / this.total);
    const filled = Math.round(share * BAR_CELLS);
    const bar = "#".repeat(filled) + "-".repeat(BAR_CELLS - filled);
    const leftSeconds = Math.ceil(Math.max(0, this.total - this.#bytes) / perSecond);
    return `${this.what} [${bar}] ${Math.floor(share * 100)}% of ${mega(this.total)} MB, ` +
      `${rate}, ${duration(leftSeconds)} left`;
  }
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
}
