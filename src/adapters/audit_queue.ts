/** Many callers, one write: a bounded queue in which nobody waits longer than he was told. */
import type { RefusedError } from "../errors.ts";
import type { Clock } from "../runtime.ts";

export interface QueueLimits {
  readonly maxWaitMs: number;
  readonly maxQueued: number;
  /** Of one write; a single item that is larger goes alone. */
  readonly maxItems: number;
  readonly maxBytes: number;
}

export interface QueueParts<Item, Result> {
  readonly clock: Clock;
  readonly limits: QueueLimits;
  sizeOf(item: Item): number;
  /** One outcome for each item, in their order; or throws, and then none of them came to be. */
  commit(items: readonly Item[]): Promise<readonly (Result | RefusedError)[]>;
  /** What the callers are told. */
  refuse(why: string, cause?: unknown): RefusedError;
  isRefusal(outcome: Result | RefusedError): outcome is RefusedError;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly deadlineMs: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Said without the stack that an AbortError would be made with. */
const DONE = "nobody waits";

export class CommitQueue<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  #writing: readonly Waiting<Item, Result>[] = [];
  #draining: Promise<void> | null = null;
  /** While somebody waits, and for `maxWaitMs` after: a timer for each write would cost as much as its hash. */
  #watch: AbortController | null = null;

  constructor(private readonly parts: QueueParts<Item, Result>) {}

  /** Rejects with what `refuse` makes of it when the bounds are reached or the write fails. */
  add(item: Item): Promise<Result> {
    const { clock, limits, refuse } = this.parts;
    if (this.#waiting.length >= limits.maxQueued) {
      return Promise.reject(refuse(`${limits.maxQueued} records are waiting`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const deadlineMs = clock.monotonic() + limits.maxWaitMs;
    this.#waiting.push({ item, deadlineMs, resolve, reject });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves when nothing is queued any more, and no timer is left. */
  async idle(): Promise<void> {
    await this.#draining;
    this.#watch?.abort(DONE);
  }

  async #drain(): Promise<void> {
    if (this.#watch === null) this.#watchOver(this.#watch = new AbortController());
    await Promise.resolve(); // whoever calls in this same turn shares the write
    while (this.#waiting.length > 0) {
      const batch = this.#writing = this.#takeBatch();
      try {
        const outcomes = await this.parts.commit(batch.map(({ item }) => item));
        batch.forEach(({ resolve, reject }, index) => {
          const outcome = outcomes[index]!;
          if (this.parts.isRefusal(outcome)) reject(outcome);
          else resolve(outcome);
        });
      } catch (error) {
        const refusal = this.parts.refuse("", error);
        for (const { reject } of batch) reject(refusal);
      }
      this.#writing = [];
    }
    this.#draining = null;
  }

  #takeBatch(): Waiting<Item, Result>[] {
    const { limits, sizeOf } = this.parts;
    let bytes = 0;
    const end = this.#waiting.findIndex(({ item }, index) => {
      bytes += sizeOf(item);
      return index > 0 && (bytes > limits.maxBytes || index >= limits.maxItems);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** One timer for all, set for whoever came first. */
  async #watchOver(watch: AbortController): Promise<void> {
    const { clock, limits, refuse } = this.parts;
    const isDue = ({ deadlineMs }: Waiting<Item, Result>) => deadlineMs <= clock.monotonic();
    const oldest = () => this.#writing.find((other) => !isDue(other)) ?? this.#waiting[0];
    do {
      const deadlineMs = oldest()?.deadlineMs ?? clock.monotonic() + limits.maxWaitMs;
      try {
        await clock.sleep(Math.max(0, deadlineMs - clock.monotonic()), watch.signal);
      } catch {
        break;
      }
      const late = [...this.#writing, ...this.#waiting].filter(isDue);
      if (late.length === 0) continue;
      const refusal = refuse("the disk did not answer in time");
      for (const { reject } of late) reject(refusal);
      this.#waiting = this.#waiting.filter((other) => !isDue(other));
    } while (this.#draining);
    if (this.#watch === watch) this.#watch = null;
  }
}
