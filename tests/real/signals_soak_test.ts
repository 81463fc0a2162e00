/** The short form of `deno task soak:signals`: everything fails at random, and nothing is lost. */
import assert from "node:assert/strict";
import { formatSoak } from "../../scripts/soak/signals/report.ts";
import { soak } from "../../scripts/soak/signals/soak.ts";
import { print } from "../../scripts/testbed/print.ts";
import { programOf, realTest } from "./peers.ts";

const DURATION_MS = 60_000;

realTest("agent loses nothing while it, its source and its receiver fail at random", [
  "prometheus",
  "promtool",
], async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const folder = `./state/soak/${crypto.randomUUID().slice(0, 8)}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    const result = await soak({
      seed,
      durationMs: DURATION_MS,
      folder,
      sink: "signals",
      programs: { prometheus: programOf("prometheus"), promtool: programOf("promtool") },
      progress: print,
    });
    print(formatSoak(result));
    assert.deepEqual(result.violations, [], `deno task soak:signals --minutes 1 --seed ${seed}`);
    const tracks = new Set(result.happened.map(({ fault }) => fault.track));
    assert.deepEqual([...tracks].sort(), ["agent", "clock", "prometheus", "receiver"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
