/** Which moves of the machine were seen, in the words of the audit logs; and that none was left out. */
import assert from "node:assert/strict";
import type { AuditRecord } from "../../../src/core/audit/record.ts";
import { nextStates } from "../../../src/core/execution.ts";
import { EXECUTION_STATES } from "../../../src/core/protocol.ts";

const TYPES = new Set(EXECUTION_STATES.map((state) => `execution.${state}`));

export class MovesShown {
  readonly #moves = new Set<string>();

  /** @param records one log, oldest first */
  add(records: readonly AuditRecord[]): void {
    const states = new Map<string, string>();
    for (const { type, subject } of records) {
      if (!TYPES.has(type)) continue;
      const state = type.replace("execution.", "");
      const before = states.get(subject);
      if (before) this.#moves.add(`${before} → ${state}`);
      states.set(subject, state);
    }
  }

  /** Throws AssertionError that names the moves which no case has brought about. */
  assertComplete(): void {
    const all = EXECUTION_STATES.flatMap((state) =>
      nextStates(state).map((next) => `${state} → ${next}`)
    );
    assert.deepEqual(all.filter((move) => !this.#moves.has(move)), []);
  }
}
