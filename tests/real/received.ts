/** What the control plane received of a query, against what Prometheus says it holds. */
import assert from "node:assert/strict";
import type { SampleValue, SignalsBatch } from "../../src/core/protocol.ts";
import type { EmbeddedControlPlane } from "../../src/embedded/control_plane/start.ts";
import type { PrometheusSeries, Range } from "./prometheus_server.ts";

type Signals = EmbeddedControlPlane["signals"];
type Points = Map<string, Map<number, Exclude<SampleValue, null>>>;

/**
 * First to last grid point that arrived without a hole; throws when windows overlap. Fresh data go first, so
 * an agent that was stopped may have left the hole that it was filling: say with `receivedUntil` what must
 * have come.
 * @param node of a query that each node asks for itself
 */
export function receivedRange(signals: Signals, query: string, node?: string): Range {
  const windows = windowsOf(signals, query, node);
  const first = windows[0]!;
  let endMs = first.startMs - first.stepMs;
  for (const window of windows) {
    assert.ok(window.startMs > endMs, `${query}: an overlap of windows`);
    if (window.startMs > endMs + window.stepMs) break;
    endMs = window.endMs;
  }
  return { startMs: first.startMs, endMs, stepMs: first.stepMs };
}

/**
 * Up to where a query has arrived without a hole; 0 when nothing has. Fresh data go first: only when history
 * has begun to arrive does this say anything.
 */
export function receivedUntil(signals: Signals, query: string): number {
  let untilMs = 0;
  for (const { startMs, endMs, stepMs } of windowsOf(signals, query)) {
    if (untilMs > 0 && startMs > untilMs + stepMs) break;
    untilMs = endMs;
  }
  return untilMs;
}

/** In the order of time, each once: it may have come in several batches, or again. */
function windowsOf(signals: Signals, query: string, node?: string): SignalsBatch["window"][] {
  const windows = new Map(
    signals.batches.filter((batch) => batch.query.name === query && batch.node === node)
      .map(({ window }) => [`${window.startMs} ${window.endMs}`, window]),
  );
  return [...windows.values()].sort((a, b) => a.startMs - b.startMs);
}

/** Of the received range. */
export function receivedPoints(signals: Signals, query: string, node?: string): Points {
  const { endMs } = receivedRange(signals, query, node);
  const points: Points = new Map();
  for (const { labels, timestampMs, value } of signals.points(query, node)) {
    if (timestampMs <= endMs) put(points, labels, timestampMs, value);
  }
  return points;
}

export function heldPoints(series: readonly PrometheusSeries[]): Points {
  const points: Points = new Map();
  for (const { metric, values } of series) {
    for (const [seconds, text] of values) {
      put(points, metric, Math.round(seconds * 1000), toValue(text));
    }
  }
  return points;
}

/** Fails with the first series and point that differ; returns how many points were compared. */
export function assertSamePoints(received: Points, held: Points, query: string): number {
  assert.deepEqual([...received.keys()].sort(), [...held.keys()].sort(), `${query}: series`);
  let count = 0;
  for (const [labels, expected] of held) {
    const actual = received.get(labels)!;
    for (const [at, value] of expected) {
      // JSON has no negative zero; numerically it is the same.
      assert.ok(
        actual.get(at) === value,
        `${query} ${labels} at ${at}: ${actual.get(at)} ${value}`,
      );
      count += 1;
    }
    assert.equal(actual.size, expected.size, `${query} ${labels}: points that no one holds`);
  }
  return count;
}

export function labelKey(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
}

function put(
  points: Points,
  labels: Readonly<Record<string, string>>,
  timestampMs: number,
  value: Exclude<SampleValue, null>,
): void {
  const key = labelKey(labels);
  const series = points.get(key) ?? new Map();
  series.set(timestampMs, value);
  points.set(key, series);
}

function toValue(text: string): Exclude<SampleValue, null> {
  return text === "NaN" || text === "+Inf" || text === "-Inf" ? text : Number(text);
}
