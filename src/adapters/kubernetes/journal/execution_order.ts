/** Executions in the order in which they came or ended, from their metadata alone, in bounded memory. */
import type { KubeObject } from "../../../core/kubernetes_object.ts";
import type { PruneOptions } from "../../../execution/journal.ts";
import { TIMES } from "./execution_object.ts";

interface Entry {
  readonly name: string;
  readonly atMs: number;
}

/** Names of the latest that came, newest first. */
export async function newestOf(
  objects: AsyncIterable<KubeObject>,
  limit: number,
): Promise<string[]> {
  const order = (a: Entry, b: Entry) => b.atMs - a.atMs || (a.name < b.name ? 1 : -1);
  return await firstOf(objects, limit, order, (object) => timeOf(object, TIMES.received));
}

/** Names of those that may go, those that came first first. */
export async function prunable(
  objects: AsyncIterable<KubeObject>,
  { endedBeforeMs, nowMs, limit }: PruneOptions,
): Promise<string[]> {
  const order = (a: Entry, b: Entry) => a.atMs - b.atMs || (a.name < b.name ? -1 : 1);
  return await firstOf(objects, limit, order, (object) => {
    const hasEnded = timeOf(object, TIMES.since) < endedBeforeMs;
    const mayGo = hasEnded && timeOf(object, TIMES.expires) <= nowMs;
    return mayGo ? timeOf(object, TIMES.received) : null;
  });
}

/** @param timeOf null leaves the object out */
async function firstOf(
  objects: AsyncIterable<KubeObject>,
  limit: number,
  order: (a: Entry, b: Entry) => number,
  timeOf: (object: KubeObject) => number | null,
): Promise<string[]> {
  let first: Entry[] = [];
  for await (const object of objects) {
    const atMs = timeOf(object);
    if (atMs === null) continue;
    first.push({ name: object.metadata.name, atMs });
    // Sorted now and then rather than each time, and never more than twice as many.
    if (first.length >= 2 * limit) first = first.sort(order).slice(0, limit);
  }
  return first.sort(order).slice(0, limit).map(({ name }) => name);
}

/** 0 where somebody took it away: such an object is first in question, and found to be damaged when read. */
function timeOf({ metadata }: KubeObject, name: string): number {
  const text = (metadata.annotations as Record<string, string> | undefined)?.[name];
  return Number(text ?? 0) || 0;
}
