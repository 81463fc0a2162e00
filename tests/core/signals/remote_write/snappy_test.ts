import assert from "node:assert/strict";
import fc from "fast-check";
import snappyjs from "snappyjs";
import { loadSnappy } from "../../../../src/core/signals/remote_write/snappy.ts";
import { unpack } from "./decode.ts";

const { compress, uncompress } = await loadSnappy();

function assertRoundTrip(bytes: Uint8Array): void {
  const packed = compress(bytes);
  assert.deepEqual(unpack(packed), bytes);
  assert.deepEqual(uncompress(packed), bytes);
  assert.deepEqual(uncompress(new Uint8Array(snappyjs.compress(bytes))), bytes);
}

Deno.test("snappy blocks are read by another implementation, and that one's by ours", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), assertRoundTrip));
});

Deno.test("snappy blocks of what repeats itself at any distance come back whole", () => {
  const repeating = fc.record({
    unit: fc.uint8Array({ minLength: 1, maxLength: 90 }),
    noise: fc.uint8Array({ maxLength: 70 }),
    times: fc.integer({ min: 1, max: 300 }),
  }).map(({ unit, noise, times }) =>
    Uint8Array.from(Array.from({ length: times }, () => [...unit, ...noise]).flat())
  );
  fc.assert(fc.property(repeating, assertRoundTrip), { numRuns: 60 });
});

Deno.test("snappy blocks at the sizes where their form changes come back whole", () => {
  const random = new Uint8Array(70_000);
  for (let i = 0; i < random.length; i++) random[i] = (i * 2_654_435_761) >>> 24;
  for (
    const size of [0, 1, 14, 15, 16, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 70_000]
  ) {
    assertRoundTrip(random.subarray(0, size));
    assertRoundTrip(new Uint8Array(size));
  }
  // What does not get smaller, far larger than what came before: the memory within has to grow.
  const large = new Uint8Array(3_000_000);
  for (let at = 0; at < large.length; at += 65_536) {
    crypto.getRandomValues(large.subarray(at, Math.min(at + 65_536, large.length)));
  }
  assertRoundTrip(large);
  assertRoundTrip(random);
});
