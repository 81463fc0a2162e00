/**
 * Space on the disk that is given back when the disk is full, so that refusals, ends, recoveries and seals
 * can still be recorded. Until it can be had again, nothing that would need another record is begun.
 */
import { describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock, Files } from "../runtime.ts";

export const RESERVE_FILE = "reserve";
/** Room for some two thousand records. */
export const RESERVE_BYTES = 1 << 20;
const RETRY_MS = 1000;

export interface ReserveParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Logger;
}

export class DiskReserve {
  #notBeforeMs = -Infinity;

  private constructor(
    private readonly parts: ReserveParts,
    private readonly path: string,
    private held: boolean,
  ) {}

  /** Takes nothing: only looks whether it is there. */
  static async find(parts: ReserveParts, path: string): Promise<DiskReserve> {
    const info = await parts.files.stat(path);
    return new DiskReserve(parts, path, info?.size === RESERVE_BYTES);
  }

  get isHeld(): boolean {
    return this.held;
  }

  /** Sets the space aside, unless it is. Says whether it is now. */
  async hold(): Promise<boolean> {
    if (this.held) return true;
    try {
      await this.parts.files.replaceDurably(this.path, incompressible(RESERVE_BYTES));
      this.held = true;
    } catch (error) {
      this.parts.log.log("warn", "audit_reserve_missing", { reason: describeError(error) });
    }
    return this.held;
  }

  /** As `hold`, but not more often than each second once that has failed. */
  async refill(): Promise<boolean> {
    const { clock } = this.parts;
    if (this.held || clock.monotonic() < this.#notBeforeMs) return this.held;
    if (!await this.hold()) this.#notBeforeMs = clock.monotonic() + RETRY_MS;
    return this.held;
  }

  /** Gives the space back. False when there was none to give. */
  async release(): Promise<boolean> {
    if (!this.held) return false;
    this.held = false;
    await this.parts.files.remove(this.path);
    this.parts.log.log("error", "audit_reserve_released", { bytes: RESERVE_BYTES });
    return true;
  }
}

/** Zeros would take no space on a disk that compresses. xorshift32. */
export function incompressible(bytes: number): Uint8Array {
  const words = new Uint32Array(bytes / 4);
  let word = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
  return new Uint8Array(words.buffer);
}
