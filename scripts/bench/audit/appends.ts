/** Durable records a second beside bare appends with fdatasync to the same disk, in turns. */
import { useNodeCrypto } from "../../../src/core/sha256.ts";
import { quantile } from "../statistics.ts";
import { entryOf, openLog } from "./log.ts";

const WRITERS = [1, 10, 100];
/** Many short ones: a disk that others use too is not the same for a whole second. */
const ROUNDS = 121;
/** Of one measurement. */
const TURN_MS = 40;
const WARM_UP_MS = 2000;

export interface Appends {
  readonly writers: number;
  readonly perSecond: number;
  /** Medians of the ratios of each round. */
  readonly ofBareSync: number;
  readonly ofBareAsync: number;
}

export interface AppendReport {
  readonly bareSyncPerSecond: number;
  readonly bareAsyncPerSecond: number;
  /** How long the bare sync holds its thread, milliseconds. */
  readonly syncMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly log: readonly Appends[];
}

/** A second, each; those of the log by its writers. */
interface Round {
  sync: number;
  async: number;
  [writers: number]: number;
}

/** @param folder made here, and removed */
export async function measureAppends(folder: string): Promise<AppendReport> {
  useNodeCrypto(); // as in an agent that has verified a package
  await Deno.mkdir(folder, { recursive: true });
  const line = new Uint8Array(lineBytes()).fill(97);
  const times: number[] = [];
  const rounds: Round[] = [];
  const bare = Deno.openSync(`${folder}/bare`, { append: true, create: true });
  const log = await openLog(`${folder}/audit`);
  const measures: [keyof Round, () => number | Promise<number>][] = [
    ["sync", () => bareSync(bare, line, times)],
    ["async", () => bareAsync(bare, line)],
    ...WRITERS.map((writers): [number, () => Promise<number>] => [
      writers,
      () => write(log, writers, TURN_MS),
    ]),
  ];
  try {
    for (const writers of WRITERS) await write(log, writers, WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round++) {
      const figures: Round = { sync: 0, async: 0 };
      // Each begins with what the one before left to the disk.
      for (const [name, measure] of shuffled(measures)) figures[name] = await measure();
      rounds.push(figures);
    }
  } finally {
    bare.close();
    await log.close();
    await Deno.remove(folder, { recursive: true });
  }
  const median = (values: number[]) => quantile(values, 0.5);
  return {
    bareSyncPerSecond: median(rounds.map(({ sync }) => sync)),
    bareAsyncPerSecond: median(rounds.map((round) => round.async)),
    syncMs: { p50: median(times), p99: quantile(times, 0.99), max: quantile(times, 1) },
    log: WRITERS.map((writers) => ({
      writers,
      perSecond: median(rounds.map((round) => round[writers]!)),
      ofBareSync: median(rounds.map((round) => round[writers]! / round.sync)),
      ofBareAsync: median(rounds.map((round) => round[writers]! / round.async)),
    })),
  };
}

function bareSync(file: Deno.FsFile, line: Uint8Array, times: number[]): number {
  const begun = performance.now();
  let count = 0;
  for (let now = begun; now - begun < TURN_MS; count++) {
    file.writeSync(line);
    file.syncDataSync();
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
  return count / (performance.now() - begun) * 1000;
}

async function bareAsync(file: Deno.FsFile, line: Uint8Array): Promise<number> {
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < TURN_MS; count++) {
    file.writeSync(line);
    await file.syncData();
  }
  return count / (performance.now() - begun) * 1000;
}

async function write(
  log: Awaited<ReturnType<typeof openLog>>,
  writers: number,
  forMs: number,
): Promise<number> {
  const begun = performance.now();
  let count = 0;
  await Promise.all(Array.from({ length: writers }, async () => {
    while (performance.now() - begun < forMs) await log.record(entryOf(count++));
  }));
  return count / (performance.now() - begun) * 1000;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function lineBytes(): number {
  return JSON.stringify(entryOf(0)).length + 200;
}
