/** The state of each part, with its reason and age. Every loop reports here; heartbeat and probes read it. */
import type { PartState } from "./protocol.ts";

export interface PartHealth {
  readonly name: string;
  readonly state: PartState;
  readonly reason: string;
  /** When the state last changed, epoch ms. */
  readonly sinceMs: number;
  readonly lastSuccessMs: number | null;
}

export class HealthBoard {
  readonly #parts = new Map<string, PartHealth>();

  constructor(private readonly now: () => number) {}

  report(name: string, state: PartState, reason: string): void {
    const before = this.#parts.get(name);
    const now = this.now();
    this.#parts.set(name, {
      name,
      state,
      reason,
      sinceMs: before?.state === state ? before.sinceMs : now,
      lastSuccessMs: state === "ok" ? now : before?.lastSuccessMs ?? null,
    });
  }

  parts(): PartHealth[] {
    return [...this.#parts.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  get(name: string): PartHealth | undefined {
    return this.#parts.get(name);
  }
}
