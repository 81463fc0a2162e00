/** Servers that outlive the command that starts them. */
import { run } from "./command.ts";

const STOP_LIMIT_MS = 10_000;
const POLL_MS = 50;

export interface DaemonSpec {
  readonly name: string;
  /** A command line that ends in becoming the program, such as `nsenter --net=…`. */
  readonly within?: readonly string[];
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Daemon {
  readonly name: string;
  readonly pid: number;
  /** Its command line: another process that has got this number since has another one. */
  readonly command: string;
}

/** @param folder where its log goes, `<name>.log` */
export function startDaemon(spec: DaemonSpec, folder: string): Daemon {
  const { name, within = [], program, args, env = {} } = spec;
  // The shell only opens the log: exec puts the program in its place.
  const child = new Deno.Command("sh", {
    args: ["-c", `log=$1; shift; exec "$@" >>"$log" 2>&1`, "sh", `${folder}/${name}.log`]
      .concat(within, program, args),
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return { name, pid: child.pid, command: [program, ...args].join(" ") };
}

export async function isRunning({ pid, command }: Daemon): Promise<boolean> {
  const { ok, out } = await run("ps", ["-ww", "-o", "stat=,args=", "-p", String(pid)]);
  const [, state, running] = out.trim().match(/^(\S+)\s+(.*)$/s) ?? [];
  // One that has ended, and whose status nobody has taken yet, is gone; one that has just begun is the shell.
  return ok && state !== undefined && !state.startsWith("Z") && running!.endsWith(command);
}

export async function runningOf(daemons: readonly Daemon[]): Promise<Daemon[]> {
  const running: Daemon[] = [];
  for (const daemon of daemons) if (await isRunning(daemon)) running.push(daemon);
  return running;
}

/** SIGTERM, and SIGKILL to what is still there after ten seconds. */
export async function stopDaemons(daemons: readonly Daemon[]): Promise<void> {
  const ours = await runningOf(daemons);
  for (const { pid } of ours) signal(pid, "SIGTERM");
  const deadline = Date.now() + STOP_LIMIT_MS;
  for (const daemon of ours) {
    while (await isRunning(daemon)) {
      if (Date.now() > deadline) signal(daemon.pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** The last lines of a daemon's log, for a message. */
export async function tailOf(name: string, folder: string): Promise<string> {
  const text = await Deno.readTextFile(`${folder}/${name}.log`).catch(() => "");
  return text.trimEnd().split("\n").slice(-5).join("\n");
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
