import assert from "node:assert/strict";
import fc from "fast-check";
import { nodeOffsetMs } from "../../../src/core/signals/node_scope.ts";

const MINUTE_MS = 60_000;

/** How many of these nodes ask in each second of a minute. */
function perSecond(nodes: readonly string[]): number[] {
  const counts = Array.from({ length: 60 }, () => 0);
  for (const node of nodes) counts[Math.floor(nodeOffsetMs(node, MINUTE_MS) / 1000)]! += 1;
  return counts;
}

Deno.test("of 1,000 nodes, however they are named, few ask in the same second", () => {
  const naming = fc.tuple(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
    fc.constantFrom("", ".example.com", ".eu-west-1.compute.internal"),
    fc.constantFrom(10, 16, 36),
    fc.nat(1_000_000),
  );
  fc.assert(
    fc.property(naming, ([prefix, suffix, radix, first]) => {
      const nodes = Array.from(
        { length: 1000 },
        (_, index) => `${prefix}-${(first + index).toString(radix)}${suffix}`,
      );
      // 16.7 on average; by chance alone more than 50 come about once in 10¹⁰ seconds.
      assert.ok(Math.max(...perSecond(nodes)) <= 50);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a node's moment lies within the span, and is the same each time", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.integer({ min: 1, max: 86_400_000 }),
      (node, span) => {
        const offset = nodeOffsetMs(node, span);
        assert.ok(Number.isInteger(offset) && offset >= 0 && offset < span);
        assert.equal(nodeOffsetMs(node, span), offset);
      },
    ),
  );
});
