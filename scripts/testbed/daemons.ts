/** Servers that outlive the command that starts them. */
import { run } from "./command.ts";

const STOP_LIMIT_MS = 10_000;
const POLL_MS = 50;

export interface DaemonSpec {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Daemon {
  readonly name: string;
  readonly pid: number;
  /** When it began, as the kernel counts: another process of that number began at another time. */
  readonly startTime: string;
}

/** @param folder where its log goes, `<name>.log` */
export async function startDaemon(spec: DaemonSpec, folder: string): Promise<Daemon> {
  const { name, program, args, env = {} } = spec;
  // The shell only opens the log: exec puts the program in its place.
  const child = new Deno.Command("sh", {
    args: ["-c", `log=$1; shift; exec "$@" >>"$log" 2>&1`, "sh", `${folder}/${name}.log`, program]
      .concat(args),
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return { name, pid: child.pid, startTime: await startTimeOf(child.pid) ?? "" };
}

export async function isRunning({ pid, startTime }: Daemon): Promise<boolean> {
  const now = await startTimeOf(pid);
  return now !== null && now === startTime;
}

/** SIGTERM, and SIGKILL to what is still there after ten seconds. */
export async function stopDaemons(daemons: readonly Daemon[]): Promise<void> {
  const ours: Daemon[] = [];
  for (const daemon of daemons) if (await isRunning(daemon)) ours.push(daemon);
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

/** null when there is no such process, or it has ended and nobody has taken its status yet. */
async function startTimeOf(pid: number): Promise<string | null> {
  const { ok, out } = await run("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
  const [state, ...start] = out.trim().split(/\s+/);
  return ok && state && !state.startsWith("Z") ? start.join(" ") : null;
}
