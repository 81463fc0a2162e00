/** The gaps of one query that are on the disk and not yet acknowledged by the receiver. */
import type { Gap } from "../core/protocol.ts";
import { type Cursor, isAcknowledged } from "../core/signals/cursor.ts";
import { isWholeLoss } from "../core/signals/gap_ledger.ts";
import type { Window } from "../core/signals/windows.ts";
import { Turns } from "../core/turns.ts";
import type { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";

export class OpenGaps {
  #open: Gap[] = [];
  /** Both lanes record; the file has one end. */
  readonly #turns = new Turns();

  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly patience: Patience,
  ) {}

  async load(cursor: Cursor): Promise<void> {
    const { gaps } = this.deps;
    const { acknowledgedMs } = cursor;
    this.#open = await this.patience.until(() => gaps.pending(this.query.name, acknowledgedMs));
    this.forget(cursor);
  }

  /** Not yet acknowledged. */
  get all(): readonly Gap[] {
    return this.#open;
  }

  /** Returns once the gaps are on the disk. What is recorded already is not recorded again. */
  record(found: readonly Gap[]): Promise<void> {
    return this.#turns.take(this.query.name, () => this.#record(found));
  }

  /** The recorded loss that begins at a point: nothing else will ever be sent for its span. */
  lossAt(startMs: number): Gap | undefined {
    return this.#open.find((gap) => gap.startMs === startMs && isWholeLoss(gap));
  }

  /** Every open gap that touches the window's time: it travels with the window's batch. */
  within({ startMs, endMs, stepMs }: Window): Gap[] {
    // A gap of another step may lie between two points of this one.
    return this.#open.filter((gap) => gap.startMs <= endMs && gap.endMs > startMs - stepMs);
  }

  /** What the cursor has as acknowledged was sent, its gaps with it. */
  forget(cursor: Cursor): void {
    this.#open = this.#open.filter((gap) => !isAcknowledged(cursor, gap));
  }

  async #record(found: readonly Gap[]): Promise<void> {
    const fresh = found.filter((gap) => !this.#open.some((known) => isSame(known, gap)));
    if (fresh.length === 0) return;
    const { gaps, metrics, log, audit } = this.deps;
    const query = this.query.name;
    await this.patience.until(() => gaps.append(query, fresh, this.#open));
    this.#open.push(...fresh);
    for (const { startMs, endMs, reason, detail } of fresh) {
      metrics.signalGapSeconds.inc({ query, reason }, (endMs - startMs + this.query.step) / 1000);
      log.log("warn", "signals_gap", { query, startMs, endMs, reason, detail });
      const data = { startMs, endMs, reason };
      await this.patience.until(async () => {
        await audit?.record({ type: "signals.gap", actor: "connector", subject: query, data });
      });
    }
  }
}

function isSame(a: Gap, b: Gap): boolean {
  return a.startMs === b.startMs && a.endMs === b.endMs && a.reason === b.reason &&
    a.detail === b.detail;
}
