/** A Lease in memory, whose watches can be made to fail as those of a real server do. */
import type { LeaseRecord } from "../../src/core/lease_record.ts";
import type { LeaseStore, StoredLease } from "../../src/loops/leadership.ts";

type State = IteratorResult<StoredLease | null>;

class Watching {
  readonly #states: State[] = [];
  #wake = () => {};
  #failure: Error | null = null;
  isStalled = false;

  push(state: State): void {
    if (this.isStalled) return;
    this.#states.push(state);
    this.#wake();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#wake();
  }

  async *states(): AsyncGenerator<StoredLease | null> {
    for (;;) {
      for (const { done, value } of this.#states.splice(0)) {
        if (done) return;
        yield value;
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

export class MemoryLease implements LeaseStore {
  readonly name = "kube-system/connector";
  stored: StoredLease | null = null;
  /** How often each was asked for. */
  readonly asked = { read: 0, write: 0, watch: 0 };
  /** The versions from which watches began. */
  readonly watchedFrom: string[] = [];
  /** How long watches were asked to be. */
  readonly watchMs: number[] = [];
  /** What a new watch, and every read and write, fails with. */
  refusal: { watch: Error | null; call: Error | null } = { watch: null, call: null };
  readonly #open = new Set<Watching>();
  #versions = 0;

  get openWatches(): number {
    return this.#open.size;
  }

  /** Somebody else's write. */
  set(record: LeaseRecord): void {
    const version = String(this.#versions += 1);
    this.stored = { record, version, object: { metadata: {} } as StoredLease["object"] };
    for (const watching of this.#open) watching.push({ done: false, value: this.stored });
  }

  /** Connections stay open, and nothing comes through them any more. */
  stall(): void {
    for (const watching of this.#open) watching.isStalled = true;
  }

  endWatches(): void {
    for (const watching of this.#open) watching.push({ done: true, value: undefined });
  }

  breakWatches(error: Error): void {
    for (const watching of this.#open) watching.fail(error);
  }

  read(): Promise<StoredLease | null> {
    this.asked.read += 1;
    if (this.refusal.call) return Promise.reject(this.refusal.call);
    return Promise.resolve(this.stored);
  }

  write(record: LeaseRecord, previous: StoredLease | null): Promise<StoredLease | null> {
    this.asked.write += 1;
    if (this.refusal.call) return Promise.reject(this.refusal.call);
    if (previous?.version !== this.stored?.version) return Promise.resolve(null);
    this.set(record);
    return Promise.resolve(this.stored);
  }

  async *watch(
    version: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoredLease | null> {
    this.asked.watch += 1;
    this.watchedFrom.push(version);
    this.watchMs.push(timeoutMs);
    if (this.refusal.watch) throw this.refusal.watch;
    const watching = new Watching();
    const leave = () => watching.fail(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    this.#open.add(watching);
    try {
      if (this.stored && this.stored.version !== version) {
        watching.push({ done: false, value: this.stored });
      }
      yield* watching.states();
    } finally {
      this.#open.delete(watching);
      signal.removeEventListener("abort", leave);
    }
  }
}
