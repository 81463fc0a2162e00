/** docs/errors.md: every code, by the reaction that it asks for. */
import { MEANINGS } from "./error_meanings.ts";
import { FAMILIES, statusOf } from "./error_status.ts";
import { table } from "./markdown.ts";

export function renderErrors(): string {
  return [
    "# Errors",
    "",
    "Each failure has a stable code, the same in HTTP answers (RFC 9457, `application/problem+json`, member `code`), logs, health, receipts, audit records and the command line. The text beside it is for people and may change. The class says what happens next.",
    ...FAMILIES.flatMap(({ className, reaction, codes }) => [
      "",
      `## ${className}`,
      "",
      reaction,
      "",
      ...table(
        ["Code", "HTTP", "Means", "What to do"],
        codes.map((code) => {
          const { means, remedy } = MEANINGS[code];
          return [`\`${code}\``, String(statusOf(code)), means, remedy];
        }),
      ),
    ]),
    "",
    "## Anything else",
    "",
    "An unexpected error is a bug. HTTP answers 500 with the code `internal` and says no more; the log has the rest. A part that fails so ends the process with exit code 1, for its supervisor to start it again: every state is safe to restart in.",
    "",
  ].join("\n");
}
