/** Durable records a second beside bare appends with fdatasync to the same disk, in turns. */
import { useNodeCrypto } from "../../../src/core/sha256.ts";
import { quantile } from "../statistics.ts";
import { entryOf, openLog } from "./log.ts";

const WRITERS = [1, 10, 100];
const ROUNDS = 7;
/** Of one measurement. */
const TURN_MS = 700;

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

/** @param folder made here, and removed */
export async function measureAppends(folder: string): Promise<AppendReport> {
  useNodeCrypto(); // as in an agent that has verified a package
  await Deno.mkdir(folder, { recursive: true });
  const line = new Uint8Array(lineBytes()).fill(97);
  const times: number[] = [];
  const rounds: { sync: number; async: number; log: number[] }[] = [];
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const bare = Deno.openSync(`${folder}/bare-${round}`, { append: true, create: true });
      const log = await openLog(`${folder}/audit-${round}`);
      const figures = {
        sync: bareSync(bare, line, times),
        async: await bareAsync(bare, line),
        log: [] as number[],
      };
      for (const writers of WRITERS) figures.log.push(await write(log, writers));
      if (round > 0) rounds.push(figures); // the first warms up
      bare.close();
      await log.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const median = (values: number[]) => quantile(values, 0.5);
  return {
    bareSyncPerSecond: median(rounds.map(({ sync }) => sync)),
    bareAsyncPerSecond: median(rounds.map((round) => round.async)),
    syncMs: { p50: median(times), p99: quantile(times, 0.99), max: quantile(times, 1) },
    log: WRITERS.map((writers, index) => ({
      writers,
      perSecond: median(rounds.map(({ log }) => log[index]!)),
      ofBareSync: median(rounds.map(({ log, sync }) => log[index]! / sync)),
      ofBareAsync: median(rounds.map((round) => round.log[index]! / round.async)),
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

async function write(log: Awaited<ReturnType<typeof openLog>>, writers: number): Promise<number> {
  const begun = performance.now();
  let count = 0;
  await Promise.all(Array.from({ length: writers }, async () => {
    while (performance.now() - begun < TURN_MS) await log.record(entryOf(count++));
  }));
  return count / (performance.now() - begun) * 1000;
}

function lineBytes(): number {
  return JSON.stringify(entryOf(0)).length + 200;
}
