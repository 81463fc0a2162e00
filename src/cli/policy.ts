/** `policy check WPK`: what the policy says to a package, rule by rule, without a signature or a cluster. */
import { parseWorkPackage, targetsOf } from "../core/work_package.ts";
import { judge, parsePolicy } from "../core/policy.ts";
import { readInput } from "./input_file.ts";
import type { CliIo, ExitCode } from "./io.ts";
import { type Format, formatTable, printResult } from "./output.ts";

export async function checkPolicy(
  io: CliIo,
  format: Format,
  paths: { readonly workPackage: string; readonly policy: string },
): Promise<ExitCode> {
  const policy = parsePolicy(await readInput(io, paths.policy));
  const workPackage = parseWorkPackage(await readInput(io, paths.workPackage));
  const verdict = judge(policy, {
    risk: workPackage.spec.risk,
    targets: targetsOf(workPackage),
  });
  printResult(io, format, verdict, () => [
    ...formatTable(
      ["SUBJECT", "VERDICT", "RULE", "REASON"],
      verdict.reasons.map(({ subject, allowed, rule, reason }) => [
        subject,
        allowed ? "allow" : "deny",
        rule ?? "-",
        reason,
      ]),
    ),
    verdict.allowed
      ? `ALLOWED, risk ${verdict.risk}, approval ${verdict.approval.replace("_", " ")}`
      : `DENIED, risk ${verdict.risk}`,
  ]);
  return verdict.allowed ? 0 : 1;
}
