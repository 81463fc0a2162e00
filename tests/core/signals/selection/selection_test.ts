import assert from "node:assert/strict";
import fc from "fast-check";
import type { HistogramPoint } from "../../../../src/core/protocol.ts";
import { encodeLabels } from "../../../../src/core/signals/answer/label_reader.ts";
import { Admission } from "../../../../src/core/signals/selection/admission.ts";
import { hasRules, rewriteBy } from "../../../../src/core/signals/selection/label_rules.ts";
import type { LabelRules } from "../../../../src/core/signals/selection/selected_query.ts";
import { Selection } from "../../../../src/core/signals/selection/selection.ts";
import type { Labels, SeriesHandler } from "../../../../src/core/signals/series_handler.ts";

const WINDOW = { startMs: 60_000_000, endMs: 60_045_000, stepMs: 15_000 };
const NO_RULES: LabelRules = { drop: [], keep: [], hash: [] };
const HISTOGRAM: HistogramPoint = { index: 1, count: "1", sum: "2", buckets: [] };
const TEXT = new TextEncoder().encode("x42.5y");

/** What went through, series by series. */
class Recorder implements SeriesHandler {
  readonly series: Labels[] = [];
  readonly points: unknown[] = [];
  ended = 0;
  drained = 0;
  refuse = false;
  begin(labels: Labels): boolean {
    this.series.push(labels);
    return !this.refuse;
  }
  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    this.points.push([index, new TextDecoder().decode(bytes.subarray(from, to))]);
  }
  histogram(point: HistogramPoint): void {
    this.points.push(point);
  }
  end(): void {
    this.ended += 1;
  }
  drain(): Promise<void> {
    this.drained += 1;
    return Promise.resolve();
  }
}

interface Choice {
  readonly rules?: Partial<LabelRules>;
  readonly maxSeries?: number;
  readonly admission?: Admission;
  readonly isUnion?: boolean;
}

function select(answers: readonly (readonly Labels[])[], choice: Choice = {}) {
  const { maxSeries = 1000, isUnion = answers.length > 1 } = choice;
  const admission = choice.admission ?? new Admission(maxSeries);
  const rules = { ...NO_RULES, ...choice.rules };
  const rewrite = hasRules(rules) ? rewriteBy(rules, (value) => `#${value}`) : null;
  const recorder = new Recorder();
  const selection = new Selection(
    { window: WINDOW, maxSeries, admission, rewrite, isUnion },
    recorder,
  );
  for (const answer of answers) {
    for (const labels of answer) if (selection.begin(labels)) selection.end();
  }
  return { recorder, selection };
}

const up = (pod: string, customer = "c1"): Labels => [
  ["__name__", "up"],
  ["customer", customer],
  ["pod", pod],
];

Deno.test("Selection hands everything on where nothing is to be left out", async () => {
  const { recorder, selection } = select([[]]);
  assert.equal(selection.begin(up("a")), true);
  selection.float(0, TEXT, 1, 5);
  selection.histogram(HISTOGRAM);
  selection.end();
  await selection.drain();
  recorder.refuse = true;
  assert.equal(selection.begin(up("b")), false, "as the packer says");
  assert.deepEqual(recorder.series, [up("a"), up("b")]);
  assert.deepEqual(recorder.points, [[0, "42.5"], HISTOGRAM]);
  assert.deepEqual([recorder.ended, recorder.drained], [1, 1]);
  assert.deepEqual(selection.gaps(), []);
  assert.equal(selection.offered, 2);
});

Deno.test("Selection drops, keeps and hashes labels, and the metric keeps its name", () => {
  const sent = (rules: Partial<LabelRules>) => select([[up("a")]], { rules }).recorder.series[0];
  assert.deepEqual(sent({ drop: ["pod", "nope"] }), [["__name__", "up"], ["customer", "c1"]]);
  assert.deepEqual(sent({ keep: ["pod"] }), [["__name__", "up"], ["pod", "a"]]);
  assert.deepEqual(sent({ hash: ["customer"] }), [
    ["__name__", "up"],
    ["customer", "#c1"],
    ["pod", "a"],
  ]);
  assert.deepEqual(sent({ keep: ["pod", "customer"], drop: ["pod"], hash: ["customer"] }), [
    ["__name__", "up"],
    ["customer", "#c1"],
  ]);
});

Deno.test("Selection drops the second of two series that rules make alike, and says so", () => {
  const { recorder, selection } = select([[up("a"), up("b"), up("c", "c2"), up("d", "c2")]], {
    rules: { drop: ["pod"] },
  });
  assert.deepEqual(recorder.series.map((labels) => labels[1]![1]), ["c1", "c2"]);
  assert.deepEqual([...selection.dropped], [["label_collision", 2]]);
  assert.deepEqual(selection.gaps(), [{
    startMs: WINDOW.startMs,
    endMs: WINDOW.endMs,
    reason: "label_collision",
    detail: "2 of 4 series are the same as another by the rules for labels, " +
      'e.g. {__name__="up", customer="c1"}',
  }]);
});

Deno.test("Selection lets so many series through, and names one of the others as it would be sent", () => {
  const { recorder, selection } = select([[up("a"), up("b"), up("c"), up("d")]], {
    maxSeries: 2,
    rules: { hash: ["customer"] },
  });
  assert.equal(recorder.series.length, 2);
  assert.deepEqual([...selection.dropped], [["series_limit", 2]]);
  assert.equal(
    selection.gaps()[0]!.detail,
    '2 of 4 series beyond maxSeries 2, e.g. {__name__="up", customer="#c1", pod="c"}',
  );
});

Deno.test("Selection of several selectors is their union: a series counts once", () => {
  const [a, b, c] = [up("a"), up("b"), up("c")];
  const { recorder, selection } = select([[a, b], [b, c], [a, c]]);
  assert.deepEqual(recorder.series, [a, b, c]);
  assert.equal(selection.offered, 3);
  assert.deepEqual(selection.gaps(), []);

  const capped = select([[a, b], [b, c], [a, c]], { maxSeries: 2 });
  assert.deepEqual(capped.recorder.series, [a, b]);
  assert.deepEqual([...capped.selection.dropped], [["series_limit", 1]]);
});

Deno.test("Selection: a union is made before the rules, which may then make two series alike", () => {
  const { recorder, selection } = select([[up("a")], [up("a"), up("b")]], {
    rules: { drop: ["pod"] },
  });
  assert.equal(recorder.series.length, 1);
  assert.equal(selection.offered, 2);
  assert.deepEqual([...selection.dropped], [["label_collision", 1]]);
});

Deno.test("Selection needs the text of labels only, where the packer does and no rule rewrites them", () => {
  const next = Object.assign(new Recorder(), { takesText: true });
  const admission = new Admission(1);
  const options = { window: WINDOW, maxSeries: 1, admission, isUnion: true };
  const rewrite = rewriteBy({ ...NO_RULES, drop: ["pod"] }, (value) => value);
  assert.equal(new Selection({ ...options, rewrite }, next).takesText, false);
  assert.equal(new Selection({ ...options, rewrite: null }, new Recorder()).takesText, false);
  const selection = new Selection({ ...options, rewrite: null }, next);
  assert.equal(selection.takesText, true);
  assert.ok(selection.begin([], encodeLabels(up("a"))));
  assert.ok(!selection.begin([], encodeLabels(up("b"))));
  assert.ok(!selection.begin([], encodeLabels(up("a"))), "twice");
  assert.equal(
    selection.gaps()[0]!.detail,
    '1 of 2 series beyond maxSeries 1, e.g. {__name__="up", customer="c1", pod="b"}',
  );
});

Deno.test("Selection keeps a gap's text short, however long the labels are", () => {
  const { selection } = select([[up("a"), up("x".repeat(5000))]], { maxSeries: 1 });
  assert.ok(selection.gaps()[0]!.detail.length < 500);
});

Deno.test("Selection sends each label set once and no more than agreed; what is left out is counted", () => {
  const label = (name: string, values: number) =>
    fc.nat(values).map((value) => [name, String(value)] as const);
  const one = fc.tuple(label("a", 3), label("b", 3), label("c", 3)) as fc.Arbitrary<Labels>;
  const answer = fc.uniqueArray(one, { selector: (labels) => JSON.stringify(labels) });
  const names = fc.subarray(["a", "b", "c"]);
  const rules = fc.record({ drop: names, keep: names, hash: names });
  fc.assert(fc.property(
    fc.array(answer, { minLength: 1, maxLength: 3 }),
    rules,
    fc.integer({ min: 1, max: 70 }),
    (answers, rules, maxSeries) => {
      const admission = new Admission(maxSeries);
      const { recorder, selection } = select(answers, { rules, maxSeries, admission });
      const sent = recorder.series.map((labels) => JSON.stringify(labels));
      assert.equal(new Set(sent).size, sent.length);
      assert.ok(sent.length <= maxSeries);
      const different = new Set(answers.flat().map((labels) => JSON.stringify(labels))).size;
      const dropped = [...selection.dropped.values()].reduce((sum, count) => sum + count, 0);
      assert.equal(sent.length + dropped, selection.offered);
      // Only what is left out beyond remembering is ever counted twice.
      if (different <= maxSeries) assert.equal(selection.offered, different);
      assert.equal(selection.gaps().length, selection.dropped.size);

      const again = select(answers, { rules, maxSeries, admission });
      assert.deepEqual(again.recorder.series, recorder.series);
      assert.deepEqual(again.selection.gaps(), selection.gaps());
    },
  ));
});
