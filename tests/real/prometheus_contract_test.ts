/** What tests/contract/prometheus says, asked of a real Prometheus, and of VictoriaMetrics with its differences. */
import assert from "node:assert/strict";
import { ANSWERS } from "../contract/prometheus/answers.ts";
import { PROMETHEUS_CONTRACT } from "../contract/prometheus/suite.ts";
import { ask, post, START_S, valuesOf, windowOf } from "../contract/prometheus/target.ts";
import { realTest } from "./peers.ts";
import { openRealPrometheus, openVictoriaMetrics } from "./prometheus_target.ts";

for (const { name, run } of PROMETHEUS_CONTRACT) {
  realTest(`real: ${name}`, ["prometheus"], async () => {
    await using target = await openRealPrometheus();
    await run(target);
  });
}

for (const { name, run } of ANSWERS) {
  realTest(`VictoriaMetrics: ${name}`, ["victoria-metrics"], async () => {
    await using target = openVictoriaMetrics();
    await run(target);
  });
}

realTest("VictoriaMetrics refuses everything with 422", ["victoria-metrics"], async () => {
  await using target = openVictoriaMetrics();
  const good = { query: "vector(1)", start: START_S, end: START_S + 60, step: 30 };
  for (const change of [{ query: "sum(" }, { query: "" }, { step: 0 }, { start: "x" }]) {
    const { status, json } = await post(target, { ...good, ...change });
    assert.deepEqual([status, json.status, json.errorType], [422, "error", "422"]);
  }
  // It repeats the query in its answer: a word of that is not the reason.
  const answer = await ask(target, "sum(memory_limit_bytes", windowOf(1000, 10));
  assert.equal(answer.kind, "rejected");
});

realTest("VictoriaMetrics gives 30,000 points and no more", ["victoria-metrics"], async () => {
  await using target = openVictoriaMetrics();
  const answer = await ask(target, "vector(1)", windowOf(1000, 30_002));
  assert.equal(answer.kind, "too_large");
  const values = await valuesOf(target, "vector(1)", { end: START_S + 29_999 });
  assert.equal(values.length, 30_000);
});

realTest("VictoriaMetrics holds no NaN and no negative zero", ["victoria-metrics"], async () => {
  await using target = openVictoriaMetrics();
  assert.deepEqual(await valuesOf(target, "vector(NaN)"), []);
  assert.deepEqual(await valuesOf(target, "vector(-0)"), [[START_S, "0"]]);
});

realTest("VictoriaMetrics moves a window that is off the grid of its step", [
  "victoria-metrics",
], async () => {
  await using target = openVictoriaMetrics();
  const values = await valuesOf(target, "vector(1)", {
    start: START_S + 7,
    end: START_S + 607,
    step: 10,
  });
  // Why windows begin at a multiple of their step.
  assert.deepEqual(values[0]![0] % 10, 0);
});
