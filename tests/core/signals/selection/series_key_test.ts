import assert from "node:assert/strict";
import fc from "fast-check";
import type { Labels } from "../../../../src/core/signals/series_handler.ts";
import { encodeLabels } from "../../../../src/core/signals/answer/label_reader.ts";
import { seriesKey } from "../../../../src/core/signals/selection/series_key.ts";

const labels: fc.Arbitrary<Labels> = fc.array(
  fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
  { maxLength: 6 },
);

const keyOf = (labels: Labels) => seriesKey(encodeLabels(labels));

Deno.test("seriesKey() is the same for the same labels only", () => {
  fc.assert(fc.property(labels, labels, (one, other) => {
    const same = JSON.stringify(one) === JSON.stringify(other);
    assert.equal(keyOf(one) === keyOf(other), same);
    assert.equal(keyOf(one), keyOf(structuredClone(one) as Labels));
  }));
});

Deno.test("seriesKey() tells apart where one text ends and the next begins", () => {
  const alike: Labels[] = [
    [["a", "b"]],
    [["ab", ""]],
    [["", "ab"]],
    [["a", "b"], ["", ""]],
    [["", ""], ["a", "b"]],
    [],
    [["", ""]],
  ];
  assert.equal(new Set(alike.map(keyOf)).size, alike.length);
});

Deno.test("seriesKey() tells many similar label sets apart, and uses every bit", () => {
  const keys = new Set<string>();
  const ones = new Array<number>(128).fill(0);
  const count = 200_000;
  for (let i = 0; i < count; i++) {
    const key = keyOf([["__name__", "up"], ["pod", `web-${i}`], ["zone", `z${i % 3}`]]);
    keys.add(key);
    if (i % 10 > 0) continue;
    for (let bit = 0; bit < 128; bit++) {
      ones[bit]! += (key.charCodeAt(bit >> 4) >> (bit & 15)) & 1;
    }
  }
  assert.equal(keys.size, count);
  for (const [bit, set] of ones.entries()) {
    assert.ok(Math.abs(set / (count / 10) - 0.5) < 0.02, `bit ${bit} is set in ${set}`);
  }
});

Deno.test("seriesKey() is of the text alone, wherever it stands in its bytes", () => {
  const text = encodeLabels([["__name__", "up"], ["pod", "a"]]);
  const bytes = new Uint8Array(200).fill(0x61);
  const part = text.bytes.subarray(text.from, text.to);
  for (const from of [0, 1, 2, 3, 50]) {
    bytes.set(part, from);
    assert.equal(seriesKey({ bytes, from, to: from + part.length }), seriesKey(text));
    assert.notEqual(seriesKey({ bytes, from, to: from + part.length + 1 }), seriesKey(text));
  }
});
