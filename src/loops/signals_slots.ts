/**
 * How many windows may be decoded at one time: what bounds the memory of all queries together. Fresh data
 * come first; history waits behind them, and never holds more than half of the slots.
 */
export class Slots {
  readonly #pool: Pool;
  readonly #isHistory: boolean;

  constructor(count: number | Slots) {
    this.#isHistory = count instanceof Slots;
    this.#pool = count instanceof Slots ? count.#pool : {
      free: count,
      freeForHistory: Math.max(1, Math.floor(count / 2)),
      fresh: [],
      history: [],
    };
  }

  /** The same slots, for those who let fresh data go first. */
  forHistory(): Slots {
    return new Slots(this);
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#pool[this.#isHistory ? "history" : "fresh"].push(resolve);
      admit(this.#pool);
    });
    try {
      return await work();
    } finally {
      this.#pool.free += 1;
      if (this.#isHistory) this.#pool.freeForHistory += 1;
      admit(this.#pool);
    }
  }
}

interface Pool {
  free: number;
  freeForHistory: number;
  readonly fresh: (() => void)[];
  readonly history: (() => void)[];
}

/** A slot is handed to who waits before it counts as free, so that nobody can race for it. */
function admit(pool: Pool): void {
  while (pool.free > 0) {
    const isFresh = pool.fresh.length > 0;
    const next = isFresh
      ? pool.fresh.shift()
      : pool.freeForHistory > 0
      ? pool.history.shift()
      : undefined;
    if (!next) return;
    pool.free -= 1;
    if (!isFresh) pool.freeForHistory -= 1;
    next();
  }
}
