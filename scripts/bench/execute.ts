/**
 * `deno task bench:execute`: how much the connector adds to the calls that a package needs, how it
 * compares with a shell, and how the journal grows; ratios of one run. Uses the testbed that is up, and
 * leaves out, with the reason, what needs a peer that is not there.
 */
import { print } from "../testbed/print.ts";
import { runningTestbed, type Testbed } from "../testbed/testbed.ts";
import { type AgainstCalls, measureAgainstCalls } from "./against_calls.ts";
import { type AgainstShell, measureAgainstShell, type Programs } from "./against_shell.ts";
import { openBareCalls } from "./bare_calls.ts";
import { measureJournal } from "./journal.ts";
import { formatReport, type Report } from "./report.ts";
import { openSite } from "./site.ts";
import { measureVerification } from "./verification.ts";

const FOLDER = "./reports/bench";
const CALL_RUNS = 200;
const SHELL_RUNS = 15;
const PROGRESS_EVERY = 50;

const left: string[] = [];
await Deno.mkdir(FOLDER, { recursive: true });
const testbed = await runningTestbed();
const cluster = testbed?.kubernetes ?? null;
if (!cluster) left.push("all that needs an API server: there is none, see deno task testbed up");
const programs = testbed && programsOf(testbed);
const against = cluster ? await measureOn(`./${cluster.folder}/connector.kubeconfig`) : null;
print("signatures");
const verification = await measureVerification();
const journal = await measureJournal(`${FOLDER}/journal`, (ended) => print(`journal of ${ended}`));

const report: Report = {
  at: new Date().toISOString(),
  machine: {
    cores: navigator.hardwareConcurrency,
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  },
  apiServer: cluster && `Kubernetes ${cluster.version}`,
  calls: against?.calls ?? null,
  shell: against?.shell ?? null,
  verification,
  journal,
  left,
};
await Deno.writeTextFile(`${FOLDER}/execute.json`, `${JSON.stringify(report, null, 2)}\n`);
print(`\n${formatReport(report)}`);
print(`\nWritten to ${FOLDER}/execute.json.`);
Deno.exit();

async function measureOn(
  kubeconfig: string,
): Promise<{ calls: AgainstCalls; shell: AgainstShell | null }> {
  const site = await openSite(`${FOLDER}/${crypto.randomUUID()}`, kubeconfig);
  const bare = await openBareCalls(kubeconfig, site.workload);
  try {
    const calls = await measureAgainstCalls(site, bare, CALL_RUNS, progress("bare calls"));
    const bareMs = calls.dryRunAndApply.p50;
    const shell = programs &&
      await measureAgainstShell(site, programs, kubeconfig, bareMs, SHELL_RUNS, progress("shell"));
    await bare.delete();
    return { calls, shell };
  } finally {
    bare.close();
    await site.close();
  }
}

function programsOf({ peers }: Testbed): Programs | null {
  const find = (name: string) => peers.find((peer) => peer.name === name)?.program ?? null;
  const [cosign, kubectl] = [find("cosign"), find("kubectl")];
  if (cosign && kubectl) return { cosign, kubectl };
  left.push(`the shell pipeline: ${cosign ? "kubectl" : "cosign"} is not there`);
  return null;
}

function progress(what: string): (done: number, of: number) => void {
  return (done, of) => {
    if (done === of || done % PROGRESS_EVERY === 0) print(`${what}: ${done} of ${of}`);
  };
}
