/** What a run leaves behind: the report, its log, and a line in the results of all runs. */
import type { Narrator } from "./narrator.ts";
import type { Scorecard } from "./scorecard.ts";

export const REPORT = "reports/B.5_byoc.md";
export const LOG = "reports/logs/B.5_byoc.log";
const RESULTS = "reports/PhaseB_Results.md";

export interface RunFacts {
  readonly version: string;
  /** Which peers the run had, and whether they were embedded or real. */
  readonly peers: readonly (readonly [name: string, kind: string, address: string])[];
}

export async function writeReport(
  scorecard: Scorecard,
  narrator: Narrator,
  facts: RunFacts,
): Promise<void> {
  const at = new Date().toISOString();
  const passed = scorecard.criteria.filter((criterion) => criterion.passed).length;
  const verdict = `${passed} of ${scorecard.criteria.length} criteria passed`;
  const seconds = narrator.elapsedSeconds().toFixed(1);
  await Deno.mkdir("reports/logs", { recursive: true });
  await Deno.writeTextFile(
    REPORT,
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
      `The whole story, with the agent's own log lines, is in \`${LOG}\`.`,
      "",
    ].join("\n"),
  );
  await Deno.writeTextFile(LOG, narrator.text());
  await Deno.writeTextFile(RESULTS, `- ${at} B.5 BYOC connector: ${verdict}, ${seconds} s\n`, {
    append: true,
  });
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
