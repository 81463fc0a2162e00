/** The same packages through what one would write in a shell, as whole processes. */
import { run } from "../testbed/command.ts";
import { FIELD_MANAGER, type Site } from "./site.ts";
import { quantile } from "./statistics.ts";

const WARM_UP = 2;
export const LEAST = 20;
/** Nothing beyond this machine is asked: the signature has no log entry, as ours has none. */
const PIPELINE = 'exec 2>&1; "$COSIGN" verify-blob --key "$KEY" --bundle "$FILE.bundle" ' +
  '--insecure-ignore-tlog "$FILE" && ' +
  `"$KUBECTL" --kubeconfig "$CONFIG" apply --server-side --field-manager ${FIELD_MANAGER} ` +
  '-f "$FILE.manifest"';

export interface Programs {
  readonly cosign: string;
  readonly kubectl: string;
}

export interface AgainstShell {
  readonly runs: number;
  /** Milliseconds at p50: from the Orchestrator's POST until the object is applied. */
  readonly connectorMs: number;
  readonly shellMs: number;
  readonly timesFaster: number;
  /** What nobody who asks before he changes could exceed: `timesFaster` of the bare dry run and apply. */
  readonly timesFasterAtMost: number;
}

/**
 * The shell applies what the connector has applied just before: that has no effect, and costs no more.
 * @param bareMs the bare dry run and apply at p50
 */
export async function measureAgainstShell(
  site: Site,
  programs: Programs,
  kubeconfig: string,
  bareMs: number,
  runs: number,
  progress: (done: number, of: number) => void,
): Promise<AgainstShell> {
  const file = `${site.folder}/shell.wpk`;
  const env = {
    COSIGN: programs.cosign,
    KUBECTL: programs.kubectl,
    KEY: site.publicKeyFile,
    CONFIG: kubeconfig,
    FILE: file,
    HOME: site.folder,
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let index = 0; index < WARM_UP + runs; index++) {
    const signed = site.sign();
    await Deno.writeFile(file, signed.bytes);
    await Deno.writeTextFile(`${file}.bundle`, JSON.stringify(signed.bundle));
    await Deno.writeTextFile(`${file}.manifest`, JSON.stringify(signed.manifest));
    const { sentMs, appliedMs } = await site.push(signed);
    const startMs = performance.now();
    const { ok, problem } = await run("sh", ["-c", PIPELINE], { env });
    const shellMs = performance.now() - startMs;
    if (!ok) throw new Error(`the shell pipeline failed: ${problem}`);
    if (index < WARM_UP) continue;
    ours.push(appliedMs - sentMs);
    theirs.push(shellMs);
    progress(index - WARM_UP + 1, runs);
  }
  const connectorMs = quantile(ours, 0.5);
  const shellMs = quantile(theirs, 0.5);
  const timesFaster = shellMs / connectorMs;
  return { runs, connectorMs, shellMs, timesFaster, timesFasterAtMost: shellMs / bareMs };
}
