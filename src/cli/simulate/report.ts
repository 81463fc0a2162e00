/** What a run leaves behind: the report, its log, and a line in the results of all runs. */
import type { Narrator } from "./narrator.ts";
import type { Scorecard } from "./scorecard.ts";

/** Paths in the folder that a run writes to. */
export function pathsIn(output: string) {
  return {
    report: `${output}/B.5_byoc.md`,
    logs: `${output}/logs`,
    log: `${output}/logs/B.5_byoc.log`,
    results: `${output}/PhaseB_Results.md`,
    prerequisites: `${output}/phaseB_prereqs.json`,
  };
}

export interface RunFacts {
  readonly version: string;
  /** Which peers the run had, and whether they were embedded or real. */
  readonly peers: readonly (readonly [name: string, kind: string, address: string])[];
}

export async function writeReport(
  { report, logs, log, results }: ReturnType<typeof pathsIn>,
  scorecard: Scorecard,
  narrator: Narrator,
  facts: RunFacts,
): Promise<void> {
  const at = new Date().toISOString();
  const passed = scorecard.criteria.filter((criterion) => criterion.passed).length;
  const verdict = `${passed} of ${scorecard.criteria.length} criteria passed`;
  const seconds = narrator.elapsedSeconds().toFixed(1);
  await Deno.mkdir(logs, { recursive: true });
  await Deno.writeTextFile(
    report,
    [
      "# B.5 BYOC connector: simulation",
      "",
      `${verdict} on ${at}, in ${seconds} s, connector ${facts.version}, Deno ${Deno.version.deno}.`,
      "",
      "| # | Criterion | Result | Measured |",
      "| --- | --- | --- | --- |",
      ...scorecard.criteria.map(({ name, passed, measured }, index) =>
        `| ${index + 1} | ${cell(name)} | ${passed ? "pass" : "**FAIL**"} | ${cell(measured)} |`
      ),
      "",
      "## Peers",
      "",
      "| Peer | Real or embedded | Address |",
      "| --- | --- | --- |",
      ...facts.peers.map((peer) => `| ${peer.join(" | ")} |`),
      "",
      `The whole story, with the agent's own log lines, is in \`${log}\`.`,
      "",
    ].join("\n"),
  );
  await Deno.writeTextFile(log, narrator.text());
  await Deno.writeTextFile(results, `- ${at} B.5 BYOC connector: ${verdict}, ${seconds} s\n`, {
    append: true,
  });
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
