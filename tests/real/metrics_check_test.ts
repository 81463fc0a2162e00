/** Presets as real programs read them; and what a dry run says of a real Prometheus. */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { PRESET_NAMES, queriesOf } from "../../src/core/signals/presets/presets.ts";
import { cli } from "./agent_process.ts";
import { type Ground, layGround, writeConfig } from "./ground.ts";
import { KNOWN_STEP_MS, knownSeries } from "./known_data.ts";
import { programOf, realTest } from "./peers.ts";
import { runToEnd } from "./process.ts";
import { type RealPrometheus, startPrometheus } from "./prometheus_server.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const MINUTE_MS = 60_000;
const NEEDS = ["prometheus", "promtool", "node exporter"];

realTest("promtool takes every preset as a recording rule", ["promtool"], async () => {
  const folder = `reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  const rules = PRESET_NAMES.flatMap(queriesOf).map(({ name, expr }) => ({
    record: `preset:${name.replaceAll(/[.-]/g, "_")}`,
    expr,
  }));
  const check = async (content: unknown) => {
    await Deno.writeTextFile(`${folder}/rules.yaml`, JSON.stringify(content));
    return await runToEnd(programOf("promtool"), {
      args: ["check", "rules", `${folder}/rules.yaml`],
    });
  };
  try {
    const checked = await check({ groups: [{ name: "presets", rules }] });
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    assert.match(checked.stdout, new RegExp(`${rules.length} rules found`));
    const broken = { record: "preset:broken", expr: "sum by (job (up)" };
    assert.notEqual((await check({ groups: [{ name: "x", rules: [broken] }] })).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

realTest("metrics check tells of a real Prometheus what would be sent", NEEDS, async (context) => {
  const ground = await layGround();
  let prometheus: RealPrometheus | undefined;
  try {
    const folder = `${ground.directory}/prometheus`;
    await Deno.mkdir(folder);
    const nowMs = Math.floor(Date.now() / KNOWN_STEP_MS) * KNOWN_STEP_MS;
    const known = knownSeries(nowMs - 180 * MINUTE_MS, nowMs - 170 * MINUTE_MS);
    prometheus = await startPrometheus(folder, ground.pki, known);
    const source = prometheus;
    await untilScraped(source);
    await context.step("a real Prometheus answers every preset", () => askPresets(source));
    await context.step("a row for each query, and exit code 1", () => checkAll(ground, source));
    await context.step("exit code 0 when all would arrive", () => checkGood(ground, source));
  } finally {
    await prometheus?.close();
    await ground.close();
  }
});

const SIGNALS = {
  presets: ["node", "gpu"],
  queries: [
    { name: "up", expr: "up", step: "1s" },
    { name: "union", match: ["up", '{__name__=~"up|node_load1"}'], step: "1s" },
    { name: "capped", match: ["node_cpu_seconds_total"], step: "1s", maxSeries: 3 },
    {
      name: "hashed",
      expr: "up",
      step: "1s",
      labels: { keep: ["instance", "job"], hash: ["instance"] },
    },
    { name: "collide", expr: "up", step: "1s", labels: { drop: ["job", "instance"] } },
    { name: "broken", expr: "sum(up", step: "1s" },
    { name: "of-the-node", expr: 'up{job=~"$node"}', scope: "node", step: "1s" },
  ],
  window: "2s",
  settle: "1s",
} satisfies ConfigInput["signals"];

async function untilScraped(prometheus: RealPrometheus): Promise<void> {
  const scraped = async () => {
    for (;;) {
      const nowMs = Date.now();
      const range = { startMs: nowMs, endMs: nowMs, stepMs: 1000 };
      // Three windows of two seconds, a settle delay, and the look back of a rate.
      const found = await prometheus.queryRange("count_over_time(node_load1[1m]) > 12", range);
      if (found.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  await within(LIMIT_MS, "scrapes", scraped());
}

async function askPresets(prometheus: RealPrometheus): Promise<void> {
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  const range = { startMs: endMs - 60_000, endMs, stepMs: 1000 };
  for (const { name, expr } of PRESET_NAMES.flatMap(queriesOf)) {
    const series = await prometheus.queryRange(expr, range);
    if (/^node\.(cpu-utilisation|load-per-cpu|memory-utilisation)$/.test(name)) {
      assert.equal(series.length, 1, `${name} finds nothing of a real node exporter`);
    }
  }
}

async function checkAll(ground: Ground, prometheus: RealPrometheus): Promise<void> {
  const config = await configure(ground, prometheus);
  const text = await cli("metrics", "check", "--config", config);
  print(text.stdout);
  assert.equal(text.code, 1, text.stderr);
  const row = (name: string) =>
    text.stdout.split("\n").find((line) => line.startsWith(`${name} `)) ?? "";
  assert.match(row("QUERY"), /^QUERY +SERIES +DROPPED +POINTS\/DAY +BYTES\/DAY +TIME +NOTES$/);
  assert.match(row("up"), /^up +2 +0 +172,800 /);
  assert.match(row("union"), /^union +3 +0 +259,200 /);
  assert.match(
    row("capped"),
    /^capped +3 +\d+ .*over the cap: \d+ of \d+ series beyond maxSeries 3/,
  );
  assert.match(row("hashed"), /^hashed +2 +0 /);
  assert.match(row("collide"), /^collide +1 +1 .*labels collide: 1 of 2 series/);
  assert.match(row("broken"), /^broken +– +– .*rejected: bad_data/);
  assert.match(row("of-the-node"), /--node/);
  assert.match(row("gpu.utilisation"), / 0 +0 .*no data/);
  assert.match(text.stdout, /signals\.settle \(1s\) is shorter than two scrapes of /);
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(ground.directory), ({ name }) => name)
      .then((names) => names.includes("connector")),
    false,
    "a dry run keeps no state",
  );
}

async function checkGood(ground: Ground, prometheus: RealPrometheus): Promise<void> {
  const config = await configure(ground, prometheus);
  const named = ["up", "union", "hashed", "of-the-node"];
  const { code, stdout, stderr } = await cli(
    ...["metrics", "check", ...named, "--node", "node", "-o", "json", "--config", config],
  );
  assert.equal(code, 0, stderr);
  const { queries, total, ok } = JSON.parse(stdout);
  assert.equal(ok, true);
  assert.deepEqual(queries.map(({ series }: { series: number }) => series), [2, 3, 2, 1]);
  assert.equal(total.series, 8);
  for (const { bytesPerDay, secondsPerWindow, pointsPerDay } of queries) {
    assert.ok(bytesPerDay > 0 && pointsPerDay > 0 && secondsPerWindow > 0);
  }
}

function configure(ground: Ground, prometheus: RealPrometheus): Promise<string> {
  return writeConfig(ground, {
    prometheus: { url: prometheus.url, caFile: `${ground.directory}/ca.pem` },
    signals: SIGNALS,
  });
}
