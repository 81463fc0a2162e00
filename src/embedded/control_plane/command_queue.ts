/** GET /commands: a queue that is read by event stream or long poll, from any id onwards. */
import type { Command } from "../../core/command.ts";

const KEEP_ALIVE = ": keep-alive\n\n";
const MAX_PAGE = 100;
const MAX_PAGE_CHARS = 1024 * 1024;

interface Stream {
  send(text: string): void;
  end(): void;
  fail(): void;
}

export class CommandQueue {
  readonly commands: Command[] = [];
  /** Each id that a caller said it has; null for a caller that starts from the beginning. */
  readonly resumedAfter: (string | null)[] = [];
  readonly #streams = new Set<Stream>();
  readonly #waiting = new Set<() => void>();
  #numbered = 0;
  #closed = false;

  constructor(private readonly keepAliveMs: number) {}

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Returns the command's id. */
  add(type: string, data: unknown): string {
    const command = { id: `cmd-${this.#numbered += 1}`, type, data };
    this.commands.push(command);
    for (const stream of this.#streams) stream.send(toEvent(command));
    for (const wake of this.#waiting) wake();
    return command.id;
  }

  stream(after: string | null): Response {
    // A request that was let in before the end finds nothing left to follow.
    if (this.#closed) return new Response(null, { status: 503 });
    this.resumedAfter.push(after);
    const encoder = new TextEncoder();
    let leave = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const timer = setInterval(() => stream.send(KEEP_ALIVE), this.keepAliveMs);
        const stream: Stream = {
          send: (text) => controller.enqueue(encoder.encode(text)),
          end: () => {
            leave();
            controller.close();
          },
          fail: () => {
            leave();
            controller.error(new Error("connection reset on purpose"));
          },
        };
        leave = () => {
          clearInterval(timer);
          this.#streams.delete(stream);
        };
        this.#streams.add(stream);
        stream.send(KEEP_ALIVE);
        for (const command of this.#following(after)) stream.send(toEvent(command));
      },
      cancel: () => leave(),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }

  async page(after: string | null, waitMs: number, signal: AbortSignal): Promise<Command[]> {
    this.resumedAfter.push(after);
    if (this.#following(after).length === 0) await this.#anyCommand(waitMs, signal);
    return firstPage(this.#following(after));
  }

  /** Breaks every open stream off, as a failing proxy would. */
  breakStreams(): void {
    for (const stream of this.#streams) stream.fail();
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    for (const wake of this.#waiting) wake();
  }

  /** Everything, for an id that is not known: at least once. */
  #following(after: string | null): Command[] {
    return this.commands.slice(this.commands.findIndex(({ id }) => id === after) + 1);
  }

  #anyCommand(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

/** One at least, and no more than a caller can be asked to hold. */
function firstPage(commands: Command[]): Command[] {
  let chars = 0;
  return commands.slice(0, MAX_PAGE).filter((command, index) => {
    chars += JSON.stringify(command).length;
    return index === 0 || chars <= MAX_PAGE_CHARS;
  });
}

function toEvent({ id, type, data }: Command): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
