/** From the request to the applied object, beside the bare calls: in turns, so that drift hits all alike. */
import type { BareCalls } from "./bare_calls.ts";
import type { Site } from "./site.ts";
import { type Ratio, ratioOf, type Spread, spreadOf } from "./statistics.ts";

const WARM_UP = 20;
/** The controllers get this long for what a change set off, whoever made it. */
const SETTLE_MS = 25;
export const LIMIT = 1.5;

export interface AgainstCalls {
  /** Milliseconds. */
  readonly fromReceived: Spread;
  readonly fromSent: Spread;
  readonly dryRunAndApply: Spread;
  readonly getDryRunAndApply: Spread;
  /** Of `fromReceived`. */
  readonly ratio: Ratio;
  readonly ratioWithGet: Ratio;
  /** The connector's calls from the request to the applied object, as most runs had them. */
  readonly calls: readonly string[];
  /** At p50: the connector's time while at least one of its calls was under way, and while none was. */
  readonly withCallMs: number;
  readonly withoutCallMs: number;
}

export async function measureAgainstCalls(
  site: Site,
  bare: BareCalls,
  runs: number,
  progress: (done: number, of: number) => void,
): Promise<AgainstCalls> {
  const packages = Array.from({ length: WARM_UP + runs }, () => site.sign());
  const fromReceived: number[] = [];
  const fromSent: number[] = [];
  const shortest: number[] = [];
  const withGet: number[] = [];
  const withCall: number[] = [];
  const sequences: string[][] = [];
  for (const [index, signed] of packages.entries()) {
    const { receivedMs, appliedMs, sentMs, calls } = await site.push(signed);
    await settle();
    const shortestMs = await bare.dryRunAndApply(`bare ${index}`);
    await settle();
    const withGetMs = await bare.getDryRunAndApply(`bare with GET ${index}`);
    await settle();
    if (index < WARM_UP) continue;
    fromReceived.push(appliedMs - receivedMs);
    fromSent.push(appliedMs - sentMs);
    shortest.push(shortestMs);
    withGet.push(withGetMs);
    withCall.push(coveredMs(calls));
    sequences.push(calls.map(({ what }) => what));
    progress(index - WARM_UP + 1, runs);
  }
  const ours = spreadOf(fromReceived);
  const withCallMs = spreadOf(withCall).p50;
  return {
    fromReceived: ours,
    fromSent: spreadOf(fromSent),
    dryRunAndApply: spreadOf(shortest),
    getDryRunAndApply: spreadOf(withGet),
    ratio: ratioOf(ours, spreadOf(shortest)),
    ratioWithGet: ratioOf(ours, spreadOf(withGet)),
    calls: mostFrequent(sequences),
    withCallMs,
    withoutCallMs: spreadOf(fromReceived.map((ms, index) => ms - withCall[index]!)).p50,
  };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

interface Span {
  readonly beginMs: number;
  readonly endMs: number;
}

/** What the spans cover together, where they overlap only once. */
export function coveredMs(spans: readonly Span[]): number {
  let covered = 0;
  let reachedMs = -Infinity;
  for (const { beginMs, endMs } of [...spans].sort((a, b) => a.beginMs - b.beginMs)) {
    covered += Math.max(endMs - Math.max(beginMs, reachedMs), 0);
    reachedMs = Math.max(reachedMs, endMs);
  }
  return covered;
}

function mostFrequent(sequences: readonly string[][]): string[] {
  const counts = new Map<string, number>();
  for (const sequence of sequences) {
    const key = JSON.stringify(sequence);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const [[key] = ["[]"]] = [...counts].sort(([, a], [, b]) => b - a);
  return JSON.parse(key);
}
