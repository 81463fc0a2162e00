/**
 * What was sent of each window, as far as it will be asked once more. In memory and bounded: of what is not
 * known (after a restart, or as the oldest of too many) the content is sent once more, under the id that it
 * had before if it is the same, by which the receiver knows it.
 */
import type { Window } from "../core/signals/windows.ts";

export interface SentWindow {
  readonly window: Window;
  /** Of the content; the same content has the same. */
  readonly digest: string;
  /** It was asked for so late already that late samples were in it. */
  readonly isFinal: boolean;
}

const MAX_WINDOWS = 4096;

export class SentWindows {
  readonly #byStart = new Map<number, SentWindow>();

  note(sent: SentWindow): void {
    const { startMs } = sent.window;
    this.#byStart.delete(startMs);
    this.#byStart.set(startMs, sent);
    if (this.#byStart.size > MAX_WINDOWS) {
      this.#byStart.delete(this.#byStart.keys().next().value!);
    }
  }

  at(startMs: number): SentWindow | undefined {
    return this.#byStart.get(startMs);
  }

  forget(startMs: number): void {
    this.#byStart.delete(startMs);
  }
}
