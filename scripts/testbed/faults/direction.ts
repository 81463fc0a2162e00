/** One direction of a proxied connection: bytes in order, as late and as slowly as the faults say. */
import type { Socket } from "node:net";

export interface DirectionFaults {
  /** Between the arrival of a byte and its departure. */
  latencyMs: number;
  /** 0: as fast as it goes. */
  bytesPerSecond: number;
  /** After so many bytes of one connection it is cut, FIN to both sides. */
  cutAfterBytes: number;
}

export const NO_FAULTS: DirectionFaults = {
  latencyMs: 0,
  bytesPerSecond: 0,
  cutAfterBytes: Infinity,
};

export interface DirectionHooks {
  isStalled(): boolean;
  /** After each piece. */
  onSent(): void;
  cut(): void;
}

const SLICES_PER_SECOND = 20;
const MAX_QUEUED_BYTES = 1 << 20;

export class Direction {
  #queue: { bytes: Uint8Array; atMs: number }[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;
  #freeAtMs = 0;
  #ended = false;
  #draining = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly faults: DirectionFaults,
    private readonly hooks: DirectionHooks,
  ) {
    from.on("data", (bytes: Uint8Array) => {
      if (this.#stopped) return;
      this.#queue.push({ bytes, atMs: Date.now() });
      this.#queuedBytes += bytes.length;
      if (this.#queuedBytes > MAX_QUEUED_BYTES) from.pause();
      this.pump();
    });
    from.on("end", () => {
      this.#ended = true;
      this.pump();
    });
    to.on("drain", () => {
      this.#draining = false;
      this.pump();
    });
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Sends what may be sent now; called again when something has changed. */
  pump(): void {
    while (
      !this.#stopped && !this.#draining && this.#timer === undefined && !this.hooks.isStalled()
    ) {
      const head = this.#queue[0];
      if (!head) {
        if (this.#ended) this.to.end();
        return;
      }
      const waitMs = Math.max(head.atMs + this.faults.latencyMs, this.#freeAtMs) - Date.now();
      if (waitMs > 0) return this.#pumpIn(waitMs);
      this.#send(head);
    }
  }

  /** Nothing is forwarded any more; what still comes is read and dropped. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue = [];
    this.from.resume();
  }

  #send(head: { bytes: Uint8Array }): void {
    const { bytesPerSecond, cutAfterBytes } = this.faults;
    const slice = bytesPerSecond > 0 ? Math.ceil(bytesPerSecond / SLICES_PER_SECOND) : Infinity;
    const count = Math.min(head.bytes.length, slice, cutAfterBytes - this.#sentBytes);
    if (count > 0) {
      this.#draining = !this.to.write(head.bytes.subarray(0, count));
      this.#sentBytes += count;
      this.#queuedBytes -= count;
      if (bytesPerSecond > 0) this.#freeAtMs = Date.now() + count / bytesPerSecond * 1000;
    }
    head.bytes = head.bytes.subarray(Math.max(count, 0));
    if (head.bytes.length === 0) this.#queue.shift();
    if (this.#queuedBytes < MAX_QUEUED_BYTES && this.from.isPaused()) this.from.resume();
    this.hooks.onSent();
    if (this.#sentBytes >= cutAfterBytes) this.hooks.cut();
  }

  #pumpIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, ms);
  }
}
