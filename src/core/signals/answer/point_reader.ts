/**
 * The `values` of one series. Nearly all of an answer is these, so points written as Prometheus writes
 * them are read by one loop over bytes; any other spelling goes the general way.
 */
import { encodeUtf8 } from "../../encoding.ts";
import { classifyFloat, NO_FLOAT } from "../float_text.ts";
import type { SeriesHandler } from "../series_handler.ts";
import { countSteps, type Window } from "../windows.ts";
import type { JsonInput, Sequence } from "./json_input.ts";
import { odd } from "./malformed.ts";

/** So many bytes ahead, the fast loop need not ask where the bytes end. */
const AHEAD = 96;
const MAX_SECOND_DIGITS = 12;

/** Points MUST come in order, once each, on the grid, within the window. */
export class Timeline {
  #last = -1;
  readonly #steps: number;

  constructor(private readonly window: Window) {
    this.#steps = countSteps(window);
  }

  restart(): void {
    this.#last = -1;
  }

  /** The index of a point that is to be the next; throws InvalidInputError `malformed_answer`. */
  advance(timeMs: number): number {
    const { startMs, stepMs } = this.window;
    let index = this.#last + 1;
    if (timeMs !== startMs + index * stepMs) index = (timeMs - startMs) / stepMs;
    if (!(index > this.#last && index < this.#steps && Number.isInteger(index))) {
      throw odd("a timestamp", "rising points of the asked grid");
    }
    return this.#last = index;
  }
}

export class PointReader {
  readonly #timeline: Timeline;
  #sequence: Sequence = { at: "start" };
  count = 0;

  constructor(window: Window, private readonly handler: SeriesHandler) {
    this.#timeline = new Timeline(window);
  }

  restart(): void {
    this.#timeline.restart();
    this.#sequence = { at: "start" };
  }

  /** Up to and with the closing bracket. Throws MORE. */
  read(input: JsonInput, wanted: boolean): void {
    while (input.another(this.#sequence, "]")) {
      if (!this.#readFast(input, wanted)) this.#readAny(input, wanted);
      this.#sequence.at = "behind";
      input.commit();
    }
  }

  /** One point and more; false when the next one is not as Prometheus writes it, or not yet whole. */
  #readFast(input: JsonInput, wanted: boolean): boolean {
    const { bytes, end } = input;
    const { handler } = this;
    let done = false;
    let at = input.pos;
    // Each pass begins where an element must be.
    while (end - at > AHEAD && bytes[at] === 0x5b) {
      let next = at + 1;
      let seconds = bytes[next]! - 0x30;
      if (!(seconds > 0 && seconds <= 9)) break;
      let byte = bytes[++next]!;
      const limit = next + MAX_SECOND_DIGITS;
      for (; byte >= 0x30 && byte <= 0x39 && next < limit; byte = bytes[++next]!) {
        seconds = seconds * 10 + byte - 0x30;
      }
      let timeMs = seconds * 1000;
      if (byte === 0x2e) {
        let unit = 100;
        const from = ++next;
        for (
          byte = bytes[next]!;
          byte >= 0x30 && byte <= 0x39 && unit >= 1;
          byte = bytes[++next]!
        ) {
          timeMs += (byte - 0x30) * unit;
          // After the third digit it is 0.1, and the loop ends.
          unit /= 10;
        }
        if (next === from) break;
      }
      if (byte !== 0x2c || bytes[next + 1] !== 0x22) break;
      const from = next + 2;
      let to = from;
      while (to < end && bytes[to] !== 0x22) to++;
      if (end - to < 3 || bytes[to + 1] !== 0x5d) break;
      if (classifyFloat(bytes, from, to) === NO_FLOAT) break;
      const index = this.#timeline.advance(timeMs);
      this.count += 1;
      if (wanted) handler.float(index, bytes, from, to);
      done = true;
      at = input.pos = to + 2;
      if (bytes[at] !== 0x2c || bytes[at + 1] !== 0x5b) break;
      input.commit();
      at += 1;
    }
    return done;
  }

  #readAny(input: JsonInput, wanted: boolean): void {
    input.take("[");
    const timeMs = Math.round(input.number() * 1000);
    input.take(",");
    const text = input.text();
    let { bytes, textFrom: from, textTo: to } = input;
    if (input.textEscaped) {
      bytes = encodeUtf8(text.toWellFormed());
      [from, to] = [0, bytes.length];
    }
    input.take("]");
    if (classifyFloat(bytes, from, to) === NO_FLOAT) throw odd("a value", "a float as text");
    const index = this.#timeline.advance(timeMs);
    this.count += 1;
    if (wanted) this.handler.float(index, bytes, from, to);
  }
}
