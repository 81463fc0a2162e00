import assert from "node:assert/strict";
import { cutElfBase } from "../../../scripts/release/elf_base.ts";

/** A header, `body` bytes, a table of two sections, and what `deno compile` would put behind it. */
function program({ body = 100, trailer = 30 } = {}): Uint8Array {
  const table = 64 + body;
  const bytes = new Uint8Array(table + 2 * 64 + trailer).fill(7);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setBigUint64(0x28, BigInt(table), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 2, true);
  return bytes;
}

Deno.test("cutElfBase() ends with the table of sections", () => {
  const base = cutElfBase(program());
  assert.equal(base.length, 64 + 100 + 128);
  assert.deepEqual(cutElfBase(base), base);
});

Deno.test("cutElfBase() finds it in the middle of a larger buffer", () => {
  const inside = new Uint8Array([1, 2, 3, ...program()]).subarray(3);
  assert.equal(cutElfBase(inside).length, 64 + 100 + 128);
});

const BAD: Record<string, Uint8Array> = {
  "an empty file": new Uint8Array(),
  "a text": new TextEncoder().encode("#!/bin/sh\n".repeat(20)),
  "a 32-bit ELF file": program().with(4, 1),
  "a big-endian ELF file": program().with(5, 2),
};

for (const [what, bytes] of Object.entries(BAD)) {
  Deno.test(`cutElfBase() refuses ${what}`, () => {
    assert.throws(() => cutElfBase(bytes), /not a 64-bit ELF file/);
  });
}

Deno.test("cutElfBase() refuses a file that is cut short", () => {
  assert.throws(() => cutElfBase(program().subarray(0, 200)), /cut short/);
});
