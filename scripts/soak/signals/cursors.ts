/** Looks at the cursors on the disk again and again: none may ever move back. */
import type { Span } from "./oracle.ts";

const LOOK_EVERY_MS = 50;

/** As `src/core/signals/cursor.ts` writes it, read without that code. */
interface Position {
  readonly acknowledgedMs: number;
  /** Acknowledged beyond it, inclusive. */
  readonly ahead: readonly Span[];
}

export class CursorWatch {
  readonly #first = new Map<string, Position>();
  readonly #newest = new Map<string, Position>();
  readonly #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> = Promise.resolve();
  /** How often a cursor was seen to have moved. */
  moves = 0;
  /** In words. */
  readonly stepsBack: string[] = [];

  /** @param folder of the agent's state; may not be there yet */
  constructor(private readonly folder: string) {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
  }

  /** Spans that were acknowledged of a query since it was first seen; none before. */
  acknowledged(query: string, stepMs: number): Span[] {
    const first = this.#first.get(`${query}.json`);
    const newest = this.#newest.get(`${query}.json`);
    if (!first || !newest || newest.acknowledgedMs === first.acknowledgedMs) return [];
    const startMs = (Math.floor(first.acknowledgedMs / stepMs) + 1) * stepMs;
    return [{ startMs, endMs: newest.acknowledgedMs }, ...newest.ahead];
  }

  async #look(): Promise<void> {
    for (const name of await namesIn(this.folder)) {
      if (!name.endsWith(".json")) continue;
      this.#compare(name, parsePosition(await Deno.readTextFile(`${this.folder}/${name}`)));
    }
  }

  #compare(name: string, position: Position): void {
    const before = this.#newest.get(name);
    this.#newest.set(name, position);
    if (before === undefined) this.#first.set(name, position);
    if (before === undefined || JSON.stringify(before) === JSON.stringify(position)) return;
    this.moves += 1;
    const lost = takenBack(before, position);
    if (lost !== null) this.stepsBack.push(`${name}: ${lost}`);
  }
}

/** What was acknowledged before, and is not any more; null when nothing is. Pure. */
export function takenBack(before: Position, after: Position): string | null {
  if (after.acknowledgedMs < before.acknowledgedMs) {
    return `from ${before.acknowledgedMs} to ${after.acknowledgedMs}`;
  }
  const isHeld = ({ startMs, endMs }: Span) =>
    endMs <= after.acknowledgedMs ||
    after.ahead.some((span) =>
      span.startMs <= Math.max(startMs, after.acknowledgedMs + 1) && endMs <= span.endMs
    );
  const gone = before.ahead.find((span) => !isHeld(span));
  return gone ? `${gone.startMs} to ${gone.endMs} is gone` : null;
}

export function parsePosition(text: string): Position {
  const { acknowledgedMs, ahead = [] } = JSON.parse(text);
  if (Number.isInteger(acknowledgedMs)) return { acknowledgedMs, ahead };
  throw new TypeError(`a cursor without acknowledgedMs: ${text}`);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
