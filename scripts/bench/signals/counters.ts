/** What a process says of itself: its metrics, and what Linux knows of it. */
import { readActivity, readMemory } from "../footprint/process_status.ts";

/** Sum over all series of a counter in an exposition whose labels hold `selector`. Pure. */
export function sumOf(exposition: string, name: string, selector = ""): number {
  let sum = 0;
  for (const line of exposition.split("\n")) {
    const [, metric, labels = "", value] = /^([\w:]+)(\{.*\})? (\S+)/.exec(line) ?? [];
    if (metric === name && labels.includes(selector)) sum += Number(value);
  }
  return sum;
}

export interface Snapshot {
  /** Of processors, user and system, all threads that ever were. */
  readonly cpuMs: number;
  /** The most that it ever held, MiB. */
  readonly peakMiB: number;
}

export async function snapshot(pid: number): Promise<Snapshot> {
  const [{ cpuMs }, { most }] = await Promise.all([readActivity(pid), readMemory(pid)]);
  return { cpuMs, peakMiB: most };
}

/** The metrics of a process, as text. */
export async function metricsOf(url: string, client?: Deno.HttpClient): Promise<string> {
  const response = await fetch(`${url}/metrics`, client ? { client } : {});
  if (response.ok) return await response.text();
  throw new Error(`${url}/metrics answered ${response.status}: ${await response.text()}`);
}
