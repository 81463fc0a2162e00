/** The acceptance criteria: each is measured by code that throws when it does not hold. */
import { formatTable } from "../output.ts";
import type { Narrator } from "./narrator.ts";

export interface Criterion {
  readonly name: string;
  readonly passed: boolean;
  /** What was measured, or why it failed. */
  readonly measured: string;
}

export class Scorecard {
  readonly #criteria: Criterion[] = [];

  constructor(private readonly narrator: Narrator) {}

  /** @param measure returns what it measured; throws when the criterion does not hold */
  async check(name: string, measure: () => Promise<string> | string): Promise<void> {
    let criterion: Criterion;
    try {
      criterion = { name, passed: true, measured: await measure() };
    } catch (error) {
      criterion = {
        name,
        passed: false,
        measured: error instanceof Error ? error.message : `${error}`,
      };
    }
    this.#criteria.push(criterion);
    this.narrator.verdict(criterion.passed, `${name}: ${criterion.measured}`);
  }

  get criteria(): readonly Criterion[] {
    return this.#criteria;
  }

  get allPassed(): boolean {
    return this.#criteria.length > 0 && this.#criteria.every((criterion) => criterion.passed);
  }

  table(): string[] {
    return formatTable(
      ["#", "CRITERION", "RESULT", "MEASURED"],
      this.#criteria.map(({ name, passed, measured }, index) => [
        String(index + 1),
        name,
        passed ? "pass" : "FAIL",
        measured.replaceAll(/\s+/g, " "),
      ]),
    );
  }
}

/** Throws with the reason unless the condition holds. */
export function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Error(reason);
}
