import assert from "node:assert/strict";
import { createPki } from "../../src/embedded/pki.ts";
import { type EmbeddedPrometheus, startPrometheus } from "../../src/embedded/prometheus.ts";
import type { Files } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { formatBytes } from "../../src/cli/metrics.ts";
import { type CliResult, runCli } from "../fakes/cli_io.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { memoryFiles } from "../fakes/memory_files.ts";

const pki = await createPki();
const PATH = "/e/connector.yaml";

type Check = (signals: object, ...args: string[]) => Promise<CliResult>;

async function withPrometheus(
  work: (check: Check, prometheus: EmbeddedPrometheus) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const prometheus = await startPrometheus({ pki, clock });
  const check: Check = (signals, ...args) => {
    const config = {
      clusterName: "edge-1",
      controlPlane: { url: "https://connect.neuralops.example" },
      vault: { address: "https://vault.example.com", auth: { method: "token" } },
      prometheus: { url: prometheus.url, caFile: "/e/ca.pem" },
      signals,
    };
    const files = memoryFiles({ [PATH]: JSON.stringify(config), "/e/ca.pem": pki.caPem });
    const runtime = { ...systemRuntime(), clock, files: files as Files };
    return runCli(["metrics", "check", "--config", PATH, ...args], { runtime });
  };
  try {
    await work(check, prometheus);
  } finally {
    await prometheus.close();
  }
}

/** Cells of the row that begins with a name. */
function row({ out }: CliResult, name: string): string[] {
  const line = out.split("\n").find((line) => line.split("  ")[0] === name);
  assert.ok(line, `no row ${name} in\n${out}`);
  return line.split(/ {2,}/);
}

const wide = { name: "wide", expr: "sim_wide", step: "15s" };

Deno.test("metrics check prints a row for each query, and exits with 0 when all would arrive", () =>
  withPrometheus(async (check) => {
    const requests = { name: "requests", match: ["sim_requests_total"], step: "30s" };
    const union = {
      name: "union",
      match: ["sim_requests_total", '{__name__=~"sim_.+",job="checkout",code="200"}'],
      step: "30s",
    };
    const checked = await check({ window: "1m", queries: [wide, requests, union] });
    assert.equal(checked.exitCode, 0, checked.errors);
    assert.deepEqual(row(checked, "QUERY"), [
      ...["QUERY", "SERIES", "DROPPED", "POINTS/DAY", "BYTES/DAY", "TIME", "NOTES"],
    ]);
    assert.deepEqual(row(checked, "wide").slice(0, 4), ["wide", "64", "0", "368,640"]);
    assert.match(row(checked, "wide")[4]!, /^\d\.\d MB$/);
    assert.deepEqual(row(checked, "requests").slice(1, 4), ["4", "0", "11,520"]);
    assert.deepEqual(row(checked, "union").slice(1, 4), ["4", "0", "11,520"]);
    assert.deepEqual(row(checked, "TOTAL").slice(1, 4), ["72", "0", "391,680"]);
    assert.match(checked.out, /^Note: windows hold 91 points on the average: a longer/m);
    assert.doesNotMatch((await check({ queries: [wide] })).out, /Note:/);
  }));

Deno.test("metrics check names what is refused, over the cap, alike or without data, and exits with 1", () =>
  withPrometheus(async (check) => {
    const step = "15s";
    const queries = [
      { ...wide, maxSeries: 60 },
      { name: "broken", expr: "sum(", step },
      { name: "alike", expr: "sim_wide", step, labels: { drop: ["n"] } },
      { name: "nothing", expr: "sim_nothing", step },
      { name: "of-node", scope: "node", match: ['sim_wide{n=~"$node"}'], step },
    ];
    const checked = await check({ queries });
    assert.equal(checked.exitCode, 1);
    assert.deepEqual(row(checked, "wide").slice(1, 3), ["60", "4"]);
    assert.match(
      row(checked, "wide")[6]!,
      /^over the cap: 4 of 64 series beyond maxSeries 60, e\.g\./,
    );
    assert.match(
      checked.out,
      /^broken +– +– +– +– +– +rejected: bad_data: invalid parameter "query"/m,
    );
    assert.deepEqual(row(checked, "alike").slice(1, 3), ["1", "63"]);
    assert.match(row(checked, "nothing")[6]!, /^no data$/);
    assert.match(checked.out, /^of-node .* not asked: name a node with --node$/m);

    const named = await check({ queries }, "nothing", "of-node", "--node", "7");
    assert.equal(named.exitCode, 0);
    assert.deepEqual(row(named, "of-node").slice(1, 3), ["1", "0"]);
    assert.doesNotMatch(named.out, /^wide/m);
  }));

Deno.test("metrics check gives the same as JSON", () =>
  withPrometheus(async (check) => {
    const { exitCode, out } = await check({ queries: [wide] }, "-o", "json", "--windows", "1");
    assert.equal(exitCode, 0);
    const { queries, total, notes, ok } = JSON.parse(out);
    assert.deepEqual([queries.length, notes, ok], [1, [], true]);
    assert.equal(queries[0].pointsPerDay, 368_640);
    assert.equal(total.bytesPerDay, queries[0].bytesPerDay);
    assert.ok(queries[0].secondsPerWindow >= 0);
  }));

Deno.test("metrics check measures halved windows where whole ones are too large", () =>
  withPrometheus(async (check, prometheus) => {
    prometheus.settings.maxSamples = 150;
    const checked = await check({ queries: [wide] });
    assert.equal(checked.exitCode, 0);
    assert.deepEqual(row(checked, "wide").slice(1, 4), ["64", "0", "368,640"]);
    assert.match(checked.out, /too_large, so that windows are halved/);
    prometheus.settings.maxSamples = 10;
    const refused = await check({ queries: [wide] });
    assert.equal(refused.exitCode, 1);
    assert.match(refused.out, /too_large: execution/);
  }));

Deno.test("metrics check says when the settle delay is shorter than two scrapes", () =>
  withPrometheus(async (check, prometheus) => {
    prometheus.settings.targets = [
      { scrapePool: "fast", scrapeInterval: "15s" },
      { scrapePool: "slow", scrapeInterval: "1m" },
    ];
    const { out, exitCode } = await check({ queries: [wide] });
    assert.equal(exitCode, 0);
    assert.match(
      out,
      /^Note: signals\.settle \(30s\) is shorter than two scrapes of slow \(1m each\)/m,
    );
    assert.match(out, /set it to 2m$/);
    const enough = await check({ queries: [wide], settle: "2m" });
    assert.doesNotMatch(enough.out, /Note:/);
  }));

Deno.test("metrics check asks nothing when there is nothing to ask, or nobody", () =>
  withPrometheus(async (check, prometheus) => {
    const none = await check({});
    assert.equal(none.exitCode, 1);
    assert.match(none.errors, /has no query/);
    const unknown = await check({ queries: [wide] }, "wilde");
    assert.equal(unknown.exitCode, 2);
    assert.match(unknown.errors, /has no query wilde/);
    assert.equal((await check({ queries: [wide] }, "--windows", "0")).exitCode, 2);
    assert.equal(prometheus.queries, 0);
    await prometheus.server.stop();
    const away = await check({ queries: [wide] });
    assert.equal(away.exitCode, 1);
    assert.match(away.errors, /unavailable: Cannot reach Prometheus/);
    assert.equal(away.out, "");
  }));

Deno.test("formatBytes() goes from bytes to terabytes, two digits at least", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [9949, "9.9 kB"],
    [9951, "10 kB"],
    [999_600, "1.0 MB"],
    [123_456_789, "123 MB"],
    [5e15, "5000 TB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});
