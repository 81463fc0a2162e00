import assert from "node:assert/strict";
import { coveredMs } from "../../scripts/bench/against_calls.ts";
import { parseLoad } from "../../scripts/bench/api_server_load.ts";
import { stretchOf, totalOf } from "../../scripts/bench/standby_report.ts";
import { quantile, ratioOf, spreadOf } from "../../scripts/bench/statistics.ts";

Deno.test("quantile is a value that was measured, by its nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.equal(quantile(values, 0.5), 100);
  assert.equal(quantile(values, 0.99), 198);
  assert.equal(quantile(values, 0), 1);
  assert.equal(quantile([7], 0.99), 7);
});

Deno.test("quantile of nothing is refused", () => {
  assert.throws(() => quantile([], 0.5), RangeError);
});

Deno.test("ratioOf sets p50 against p50 and p99 against p99", () => {
  assert.deepEqual(ratioOf(spreadOf([2, 4, 30]), spreadOf([1, 2, 10])), { p50: 2, p99: 3 });
});

Deno.test("coveredMs counts calls that overlap once", () => {
  const spans = [
    { beginMs: 4, endMs: 6 },
    { beginMs: 0, endMs: 3 },
    { beginMs: 1, endMs: 2 },
    { beginMs: 5, endMs: 9 },
  ];
  assert.equal(coveredMs(spans), 8);
  assert.equal(coveredMs([]), 0);
});

const exposition = (gets: number, cpu: number) =>
  `# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="leases",scope="resource",verb="GET"} ${gets}
apiserver_request_total{code="404",resource="leases",scope="resource",verb="GET"} 1
apiserver_request_total{code="200",resource="pods",scope="resource",verb="GET"} 1000
apiserver_longrunning_requests{resource="leases",scope="namespace",verb="WATCH"} 7
apiserver_longrunning_requests{resource="pods",scope="cluster",verb="WATCH"} 9
process_cpu_seconds_total ${cpu}
process_resident_memory_bytes 1.048576e+07
`;

Deno.test("the load of an API server is what was asked of Leases, per second", () => {
  const from = { atMs: 1000, ...parseLoad(exposition(10, 1)) };
  const to = { atMs: 11_000, ...parseLoad(exposition(40, 1.5)) };
  const stretch = stretchOf(5, from, to);
  assert.deepEqual(stretch, {
    standbys: 5,
    seconds: 10,
    perSecond: { GET: 3 },
    watches: 7,
    cpuShare: 0.05,
    rssMiB: 10,
  });
  assert.equal(totalOf(stretch), 3);
});
