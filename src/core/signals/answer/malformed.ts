/** The one error of everything that reads an answer. */
import { InvalidInputError } from "../../../errors.ts";

/** @param what the part that is wrong, for: Prometheus answered with … that is not as expected */
export function odd(what: string, expected: string): InvalidInputError {
  return malformed(`with ${what} that is not as expected: ${expected}`);
}

/** @param what for: Prometheus answered … */
export function malformed(what: string, cause?: unknown): InvalidInputError {
  return new InvalidInputError("malformed_answer", `Prometheus answered ${what}`, {
    cause,
    hint: "check that prometheus.url is a Prometheus API and that no proxy rewrites its answers",
  });
}
