/** Real timers by name: a new one replaces the old of its name, and closing cancels them all. */
export class Timers {
  readonly #running = new Map<string, ReturnType<typeof setTimeout>>();

  after(ms: number, name: string, act: () => void): void {
    this.cancel(name);
    const timer = setTimeout(() => {
      this.#running.delete(name);
      act();
    }, ms);
    this.#running.set(name, timer);
  }

  cancel(name: string): void {
    clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  close(): void {
    for (const name of [...this.#running.keys()]) this.cancel(name);
  }
}
