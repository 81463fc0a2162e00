/** `policy check WPK`: what the policy says to a package, rule by rule, without a signature or a cluster. */
import { formatDuration } from "../core/duration.ts";
import { parsePolicy } from "../core/policy.ts";
import { explain, type Explanation } from "../core/policy/explain.ts";
import { parseWorkPackage, targetsOf } from "../core/work_package.ts";
import { readInput } from "./input_file.ts";
import type { CliIo, ExitCode } from "./io.ts";
import { type Format, formatTable, printable, printResult } from "./output.ts";

export interface CheckOptions {
  /** Paths. */
  readonly workPackage: string;
  readonly policy: string;
  /** Epoch ms at which it is asked. */
  readonly atMs: number;
}

/** 0 where the package would be let in, 1 where it would be refused. */
export async function checkPolicy(
  io: CliIo,
  format: Format,
  { workPackage: path, policy: policyPath, atMs }: CheckOptions,
): Promise<ExitCode> {
  const policy = parsePolicy(await readInput(io, policyPath));
  const workPackage = parseWorkPackage(await readInput(io, path));
  const { risk, notBefore, expiresAt } = workPackage.spec;
  // A package that is not valid at that time is asked about at the start of its validity.
  const moment = atMs < notBefore || atMs >= expiresAt ? notBefore : atMs;
  const request = { risk, targets: targetsOf(workPackage), atMs: moment };
  const explanation = explain(policy, request, expiresAt);
  printResult(io, format, explanation, () => describe(explanation));
  return explanation.allowed ? 0 : 1;
}

function describe(explanation: Explanation): string[] {
  const { at, opensAt, targets, limits, autoMode, approvals, risk, allowed } = explanation;
  const { needed, validForMs } = approvals;
  const persons = needed === 1 ? "1 person" : `${needed} persons`;
  const patience = validForMs === null ? "" : `, each within ${formatDuration(validForMs)}`;
  const mayBegin = opensAt === null ? "" : `, not before ${opensAt}`;
  return [
    `Judged at ${opensAt ?? at}${opensAt === null ? "" : `, when a window opens (asked at ${at})`}`,
    "",
    ...targets.flatMap(({ subject, allowed, reason, rules }) => [
      `${allowed ? "allow" : "deny "}  ${printable(subject)}: ${printable(reason)}`,
      ...indented(formatTable(
        ["RULE", "EFFECT", "MATCHES", "BECAUSE"],
        rules.map(({ rule, effect, matches, because }) => [rule, effect, matches, because || "-"]),
      )),
      "",
    ]),
    ...limits.map((limit) => `deny   package: ${limit}`),
    autoMode.holds
      ? "Auto mode holds: nobody is asked."
      : `Auto mode does not hold: ${autoMode.breaks.map(printable).join("; ")}`,
    needed === 0
      ? "Approvals: none needed"
      : `Approvals: ${persons} must approve the plan${patience}`,
    allowed ? `ALLOWED, risk ${risk}${mayBegin}` : `DENIED, risk ${risk}`,
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `       ${line}`);
}
