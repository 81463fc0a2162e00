/** The decoder against the reference: any answer in any pieces, whole, changed and cut. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { countPoints } from "../../../src/core/signals/batch.ts";
import { InvalidInputError } from "../../../src/errors.ts";
import { answers, GRID } from "./arbitrary_answer.ts";
import { decodeStreamed } from "./collector.ts";
import { decodeReference } from "./reference.ts";

const isMalformed = (error: unknown) =>
  error instanceof InvalidInputError && error.code === "malformed_answer" &&
  error.hint !== undefined;

Deno.test("RangeDecoder decodes as the reference does, in whatever pieces the answer comes", () => {
  fc.assert(
    fc.property(answers, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (bytes, places) => {
      const cuts = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
      const expected = decodeReference(bytes, GRID);
      const decoded = decodeStreamed(bytes, GRID, cuts);
      assert.deepEqual(decoded.columns, expected.series);
      assert.deepEqual(decodeStreamed(bytes, GRID, cuts, true), decoded);
      assert.equal(decoded.series, expected.series.length);
      assert.equal(decoded.points, countPoints(expected.series));
      assert.deepEqual(decoded.warnings, expected.warnings);
      assert.equal(decoded.truncated, expected.truncated);
    }),
    { numRuns: 500 },
  );
});

Deno.test("RangeDecoder decodes byte by byte as it decodes at once", () => {
  fc.assert(
    fc.property(answers, (bytes) => {
      const cuts = Array.from(bytes, (_, index) => index);
      assert.deepEqual(decodeStreamed(bytes, GRID, cuts), decodeStreamed(bytes, GRID));
    }),
    { numRuns: 100 },
  );
});

/** Whatever the reference takes is taken the same or refused; what it refuses is refused. */
function assertNoWorse(bytes: Uint8Array): void {
  for (const takesText of [false, true]) {
    let decoded;
    try {
      decoded = decodeStreamed(bytes, GRID, [], takesText);
    } catch (error) {
      assert.ok(isMalformed(error), String(error));
      continue;
    }
    assert.deepEqual(decoded.columns, decodeReference(bytes, GRID).series);
  }
}

Deno.test("RangeDecoder gives what the reference gives, or malformed_answer, after one byte has changed", () => {
  fc.assert(
    fc.property(answers, fc.nat(), fc.nat(255), (bytes, place, byte) => {
      const changed = bytes.slice();
      changed[place % bytes.length] = byte;
      assertNoWorse(changed);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("RangeDecoder refuses an answer that was cut short anywhere", () => {
  fc.assert(
    fc.property(answers, fc.nat(), (bytes, place) => {
      assert.throws(
        () => decodeStreamed(bytes.slice(0, place % bytes.length), GRID),
        isMalformed,
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("RangeDecoder throws nothing but malformed_answer on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
    assert.throws(() => decodeStreamed(body, GRID), isMalformed);
  }));
});
