/** The cursor of one query while it runs. Several lanes acknowledge; it is written by one at a time. */
import {
  acknowledge,
  continueCursor,
  type Cursor,
  firstCursor,
  newestPoint,
} from "../core/signals/cursor.ts";
import type { Span } from "../core/signals/spans.ts";
import { Turns } from "../core/turns.ts";
import type { OpenGaps } from "./signals_gaps.ts";
import type { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";

export class CursorKeeper {
  #cursor: Cursor | null = null;
  readonly #turns = new Turns();

  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly gaps: OpenGaps,
    private readonly patience: Patience,
  ) {}

  /** null before it was read. */
  get known(): Cursor | null {
    return this.#cursor;
  }

  /** What is on the disk. */
  get cursor(): Cursor {
    if (!this.#cursor) throw new Error(`The cursor of ${this.query.name} was not read yet`);
    return this.#cursor;
  }

  async restore(): Promise<void> {
    const { cursors, clock, config } = this.deps;
    const query = { name: this.query.name, expr: this.query.expr, stepMs: this.query.step };
    const stored = await this.patience.until(() => cursors.load(query.name));
    const cursor = stored
      ? continueCursor(stored, query)
      : firstCursor(query, clock.now(), config.startFrom);
    await this.gaps.load(cursor);
    const rereadMs = config.reread > 0 ? cursor.rereadMs ?? cursor.acknowledgedMs : null;
    // Saved before the first window: a crash before the first success must not move the beginning.
    await this.#save({ ...cursor, rereadMs });
  }

  /** Returns once it is on the disk that the receiver has all of the span, as data or as gaps. */
  acknowledge(span: Span): Promise<void> {
    return this.#turns.take(this.query.name, async () => {
      const next = acknowledge(this.cursor, span);
      await this.#save(next);
      this.gaps.forget(next);
    });
  }

  /** Goes to the disk with the next acknowledgement: to ask once more twice does no harm. */
  noteReread(rereadMs: number): Promise<void> {
    return this.#turns.take(this.query.name, () => {
      this.#cursor = { ...this.cursor, rereadMs };
      return Promise.resolve();
    });
  }

  async #save(cursor: Cursor): Promise<void> {
    await this.patience.until(() => this.deps.cursors.save(cursor));
    this.#cursor = cursor;
    const query = this.query.name;
    const { signalAcknowledged, signalNewest } = this.deps.metrics;
    signalAcknowledged.set({ query }, cursor.acknowledgedMs / 1000);
    signalNewest.set({ query }, newestPoint(cursor) / 1000);
  }
}
