/** A clock that stands still until a test moves it. Sleepers wake in order of their deadlines. */
import type { Clock } from "../../src/runtime.ts";

interface Sleeper {
  readonly deadline: number;
  wake(): void;
}

export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #sleepers: Sleeper[] = [];
  #watchers: (() => void)[] = [];

  constructor(nowMs = Date.parse("2026-11-22T10:00:00Z")) {
    this.#now = nowMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Steps the wall clock alone, as NTP or an operator might. */
  step(ms: number): void {
    this.#now += ms;
  }

  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Resolves once at least `count` callers sleep. */
  async whenSleeping(count = 1): Promise<void> {
    while (this.#sleepers.length < count) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { deadline: this.#monotonic + ms, wake: resolve };
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason);
      }, { once: true });
      this.#sleepers.push(sleeper);
      for (const watch of this.#watchers.splice(0)) watch();
    });
  }

  /** Moves both clocks and wakes whoever is due. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
    const due = this.#sleepers
      .filter((sleeper) => sleeper.deadline <= this.#monotonic)
      .sort((a, b) => a.deadline - b.deadline);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const sleeper of due) sleeper.wake();
  }
}
