import assert from "node:assert/strict";
import { parseChains, withChain } from "../../../src/core/audit/register.ts";

const chainOf = (index: number) => index.toString(16).padStart(64, "0");

Deno.test("register keeps the newest chains, each once, and no other text", () => {
  const many = Array.from({ length: 600 }, (_, index) => chainOf(index));
  assert.deepEqual(withChain(many, chainOf(900)), [...many.slice(-499), chainOf(900)]);
  assert.deepEqual(withChain([chainOf(1), "x", chainOf(1)], chainOf(1)), [chainOf(1)]);
  const text = ` ${chainOf(1)}\n${chainOf(2)} ${chainOf(1)} ${"G".repeat(64)} <script>`;
  assert.deepEqual(parseChains(text), [chainOf(1), chainOf(2)]);
  for (const other of [undefined, null, 5, ""]) assert.deepEqual(parseChains(other), []);
});
