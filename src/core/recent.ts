/** The results of the last few calls, for work that comes again with the same input a moment later. */
export class Recent<Result> {
  readonly #results = new Map<string, Result>();

  constructor(private readonly capacity: number) {}

  /** @param key stands for all of the input; what throws is not kept */
  get(key: string, compute: () => Result): Result {
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = compute();
    this.set(key, result);
    return result;
  }

  peek(key: string): Result | undefined {
    return this.#results.get(key);
  }

  clear(): void {
    this.#results.clear();
  }

  set(key: string, result: Result): void {
    this.#results.delete(key);
    this.#results.set(key, result);
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= this.capacity) break;
      this.#results.delete(oldest);
    }
  }
}
