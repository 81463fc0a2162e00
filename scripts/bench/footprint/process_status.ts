/** What Linux tells of a process: proc(5). */

export interface Memory {
  /** MiB. */
  readonly rss: number;
  /** Its own: heaps and stacks. The rest of `rss` is pages of files, above all of the runtime's program. */
  readonly anonymous: number;
  /** The most that `rss` ever was. */
  readonly most: number;
}

export interface Activity {
  /** Of processors, in all threads, since the process began. */
  readonly cpuMs: number;
  /** How often each thread went to sleep, which is how often it was woken, by thread id. */
  readonly wakeUps: ReadonlyMap<string, number>;
}

/** USER_HZ, which is 100 on every Linux that Deno runs on. */
const TICK_MS = 10;
const KIB_PER_MIB = 1024;

export async function readMemory(pid: number): Promise<Memory> {
  return parseMemory(await read(`cat /proc/${pid}/status`));
}

export async function readActivity(pid: number): Promise<Activity> {
  const cpuMs = parseCpuMs(await read(`cat /proc/${pid}/stat`));
  // A thread that ends in between has no file any more.
  const threads = await read(`cat /proc/${pid}/task/*/status 2>/dev/null || true`);
  return { cpuMs, wakeUps: parseWakeUps(threads) };
}

/** By a program: Deno lets nobody read in /proc who may not do everything. */
async function read(command: string): Promise<string> {
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  if (!success) throw new Error(`${command} failed`);
  return new TextDecoder().decode(stdout);
}

/** Threads that came in between count from their beginning; those that went do not count. */
export function wakeUpsBetween(before: Activity, after: Activity): number {
  let count = 0;
  for (const [thread, wakeUps] of after.wakeUps) {
    count += wakeUps - (before.wakeUps.get(thread) ?? 0);
  }
  return count;
}

export function parseMemory(status: string): Memory {
  const mib = (key: string) => numberOf(status, key) / KIB_PER_MIB;
  return { rss: mib("VmRSS"), anonymous: mib("RssAnon"), most: mib("VmHWM") };
}

/** Of the status of each thread, one behind the other. */
export function parseWakeUps(statuses: string): Map<string, number> {
  return new Map(
    [...statuses.matchAll(/^Pid:\s+(\d+)$[^]*?^voluntary_ctxt_switches:\s+(\d+)$/gm)]
      .map(([, thread, count]) => [thread!, Number(count)]),
  );
}

/** Fields 14 and 15, counted from behind the name, which may hold spaces and brackets. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function numberOf(status: string, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status);
  if (!found) throw new Error(`/proc tells nothing of ${key}`);
  return Number(found[1]);
}
