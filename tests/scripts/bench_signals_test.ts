import assert from "node:assert/strict";
import { sumOf } from "../../scripts/bench/signals/counters.ts";
import {
  exposition,
  SERIES,
  seriesOf,
  TARGETS,
} from "../../scripts/bench/signals/exporter_series.ts";
import type { Cost, Live } from "../../scripts/bench/signals/live.ts";
import { formatReport, ratiosOf, type Report } from "../../scripts/bench/signals/report.ts";

Deno.test("sumOf adds a counter's series, and leaves out those of other names and labels", () => {
  const text = `# TYPE sent_total counter
sent_total{remote="a",url="http://x/"} 10
sent_total{remote="b",url="http://x/"} 5.5e1
sent_total_bytes 1000
plain 3
`;
  assert.equal(sumOf(text, "sent_total"), 65);
  assert.equal(sumOf(text, "sent_total", `remote="a"`), 10);
  assert.equal(sumOf(text, "plain"), 3);
  assert.equal(sumOf(text, "absent"), 0);
});

Deno.test("the exporter has its series on its targets, each once, and the mixture that it says", () => {
  const all = Array.from({ length: TARGETS }, (_, target) => seriesOf(target)).flat();
  assert.equal(new Set(all.map(({ prefix }) => prefix)).size, SERIES);
  const share = (kind: string) =>
    all.filter(({ family }) => family.kind === kind).length / SERIES * 100;
  assert.deepEqual(["constant", "rising", "resting", "moving"].map(share), [46, 37, 8, 9]);
});

Deno.test("the exporter's samples are functions of time: constants stay, counters do not fall", () => {
  const series = seriesOf(3);
  const valuesAt = (second: number) =>
    exposition(series, second).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => Number(line.split(" ")[1]));
  const [first, second, again] = [valuesAt(5000), valuesAt(5005), valuesAt(5000)];
  assert.deepEqual(first, again);
  for (const [index, { family }] of series.entries()) {
    if (family.kind === "rising") assert.ok(second[index]! > first[index]!);
    if (family.kind === "constant" || family.kind === "resting") {
      assert.equal(second[index], first[index]);
    }
  }
});

function cost(name: string, cpuMs: number, bytes: number | null): Cost {
  const sent = bytes === null ? null : { bytes, requests: 10 };
  return { name, samples: 1e6, cpuMs, peakMiB: 100, sent };
}

/** Remote write's margin: 4 CPU seconds for a million. */
function live(ours: Cost): Live {
  return {
    ...{ seconds: 60, stepSeconds: 5, windowSeconds: 60 },
    scraping: cost("scraping", 3000, null),
    queried: cost("queried", 3500, null),
    remoteWrite: cost("remote-write", 7000, 60e6),
    agentMode: cost("agent-mode", 7000, 60e6),
    vmagent: cost("vmagent", 6000, 50e6),
    ours: [ours],
    idle: { ...cost("idle", 200, null), samples: 0 },
  };
}

function report(ours: Cost): Report {
  return {
    at: "2026-11-29T12:00:00.000Z",
    machine: { cores: 2, platform: "linux", deno: "2.9.6" },
    commit: "abc1234",
    versions: { Prometheus: "2.42.0" },
    live: live(ours),
    windows: [],
    left: ["vmagent is not here"],
  };
}

Deno.test("ratiosOf sets ours against remote write's margin, and adds what the queries cost", () => {
  const [ratios] = ratiosOf(live(cost("signals", 1000, 3e6)));
  assert.deepEqual(ratios, {
    name: "signals",
    cpu: 0.25,
    cpuBeyondIdle: 0.2,
    cpuWithQueries: 0.375,
    bytes: 0.05,
  });
});

Deno.test("formatReport marks what is missed, says what is not alike, and what was left out", () => {
  const held = formatReport(report(cost("signals", 1000, 3e6)));
  assert.doesNotMatch(held, /missed/);
  assert.match(held, /Not like for like/);
  assert.match(held, /Left out: vmagent is not here\./);
  assert.match(formatReport(report(cost("signals", 3000, 30e6))), /1\/1\.3 \*\*missed\*\*/);
});
