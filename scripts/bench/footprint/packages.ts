/** What each npm package costs by itself: a fresh process that imports it, beside one that imports nothing. */
import { runChecked } from "../../release/failure.ts";
import { quantile } from "../statistics.ts";

/** The first one fills the runtime's caches. */
const RUNS = 4;

export interface PackageCost {
  readonly specifier: string;
  readonly isLoadedAtStart: boolean;
  /** At p50, from source: packages as they come from npm. */
  readonly importMs: number;
  /** MiB above a process that imports nothing. */
  readonly rss: number;
}

export async function measurePackages(
  atStart: readonly string[],
  later: readonly string[],
): Promise<PackageCost[]> {
  const nothing = await measure(null);
  const costs: PackageCost[] = [];
  for (const specifier of [...atStart, ...later]) {
    const { importMs, rss } = await measure(specifier);
    const isLoadedAtStart = atStart.includes(specifier);
    costs.push({ specifier, isLoadedAtStart, importMs, rss: rss - nothing.rss });
  }
  return costs.sort((a, b) => b.rss - a.rss);
}

async function measure(specifier: string | null): Promise<{ importMs: number; rss: number }> {
  const program = `const begin = performance.now();
${specifier === null ? "" : `await import(${JSON.stringify(specifier)});`}
const importMs = performance.now() - begin;
await new Promise((resolve) => setTimeout(resolve, 500));
console.log(JSON.stringify({ importMs, rss: Deno.memoryUsage().rss / 2 ** 20 }));`;
  // Beside deno.json, whose import map it needs.
  const file = await Deno.makeTempFile({ dir: ".", prefix: ".footprint-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const runs: { importMs: number; rss: number }[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const args = ["run", "-A", "--quiet", "--no-check", file];
      const found = JSON.parse(await runChecked(Deno.execPath(), args));
      if (run > 0) runs.push(found);
    }
    return {
      importMs: quantile(runs.map(({ importMs }) => importMs), 0.5),
      rss: quantile(runs.map(({ rss }) => rss), 0.5),
    };
  } finally {
    await Deno.remove(file);
  }
}
