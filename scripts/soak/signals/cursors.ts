/** Looks at the cursors on the disk again and again: none may ever move back. */

const LOOK_EVERY_MS = 50;

export class CursorWatch {
  readonly #newest = new Map<string, number>();
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

  async #look(): Promise<void> {
    for (const name of await namesIn(this.folder)) {
      const text = await Deno.readTextFile(`${this.folder}/${name}`).catch(() => null);
      // It may be gone by now, under the name that it had while it was written.
      if (text !== null && name.endsWith(".json")) this.#compare(name, positionOf(text));
    }
  }

  #compare(name: string, position: number): void {
    const before = this.#newest.get(name);
    if (before !== undefined && position < before) {
      this.stepsBack.push(`${name} from ${before} to ${position}`);
    }
    if (before !== position) this.moves += 1;
    this.#newest.set(name, position);
  }
}

function positionOf(text: string): number {
  const position = JSON.parse(text).acknowledgedMs;
  if (Number.isInteger(position)) return position;
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
