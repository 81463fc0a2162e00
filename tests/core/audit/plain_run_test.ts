import assert from "node:assert/strict";
import fc from "fast-check";
import type { AuditData, AuditEntry } from "../../../src/core/audit.ts";
import {
  type ChainHead,
  emptyChain,
  extendChain,
  followChain,
} from "../../../src/core/audit/chain.ts";
import { PlainLine } from "../../../src/core/audit/fast/plain_line.ts";
import { PlainRuns } from "../../../src/core/audit/fast/plain_run.ts";
import { createSha256Lanes } from "../../../src/core/audit/fast/sha256_lanes.ts";
import { concatBytes } from "../../../src/core/audit/lines.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/audit/record.ts";
import { encodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";
import { createEntry } from "../../fakes/audit.ts";

const START = 1_764_000_000_000;
const runs = new PlainRuns();

function write(entries: readonly AuditEntry[], from = emptyChain("0".repeat(64))) {
  let head = from;
  const lines = entries.flatMap((entry, index) => {
    const extension = extendChain(head, entry, START + from.sequence + index);
    head = extension.head;
    return extension.lines;
  });
  return { lines, head };
}

function followAll(head: ChainHead, lines: readonly Uint8Array[]): ChainHead {
  return lines.reduce((before, line) => followChain(before, line.subarray(0, -1)).head, head);
}

Deno.test("four lanes hash what one would", () => {
  const lanes = createSha256Lanes(1 << 16);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(3), (message, lane) => {
    const blocks = Math.ceil((message.length + 9) / 64);
    const at = (index: number) => index * 1024;
    const target = at(lane);
    lanes.memory.fill(7, 0, 8192);
    lanes.memory.fill(0, target, target + blocks * 64);
    lanes.memory.set(message, target);
    lanes.memory[target + message.length] = 0x80;
    new DataView(lanes.memory.buffer).setUint32(target + blocks * 64 - 4, message.length * 8);
    lanes.run(at(0), at(1), at(2), at(3), blocks, 4096, 4128, 4160, 4192);
    const out = 4096 + lane * 32;
    assert.equal(lanes.memory.subarray(out, out + 32).toHex(), sha256Hex(message));
  }));
});

Deno.test("run of plain records ends where following one by one ends, tree included", () => {
  for (const [before, count] of [[0, 1], [1, 1], [1, 2], [2, 3], [3, 4], [7, 9], [12, 700]]) {
    const entries = Array.from({ length: before! + count! }, (_, index) => createEntry(index));
    const early = write(entries.slice(0, before));
    const late = write(entries.slice(before), early.head);
    const run = runs.follow(early.head, concatBytes(late.lines), 0, Infinity);
    assert.deepEqual(run?.head, followAll(early.head, late.lines));
    assert.equal(run?.records, count);
  }
});

Deno.test("run stops before what is not plain, not next, or to be seen by others", () => {
  const own = { type: "audit.recovered", actor: "connector", subject: "f", data: {} };
  const odd = { ...createEntry(3), data: { half: 0.5 } };
  for (const last of [own, odd]) {
    const { lines } = write([createEntry(1), createEntry(2), last, createEntry(4)]);
    const bytes = concatBytes(lines);
    assert.equal(runs.follow(emptyChain("0".repeat(64)), bytes, 0, Infinity)?.records, 2);
  }
  const { lines } = write([1, 2, 3, 4].map(createEntry));
  const head = emptyChain("0".repeat(64));
  assert.equal(runs.follow(head, concatBytes(lines), 0, 3)?.records, 2);
  assert.equal(runs.follow(head, concatBytes(lines), 0, 1), null);
  assert.equal(runs.follow(head, concatBytes([lines[0]!, lines[2]!]), 0, Infinity)?.records, 1);
  assert.equal(runs.follow(emptyChain("1".repeat(64)), concatBytes(lines), 0, Infinity), null);
});

Deno.test("run takes no record of which any byte was changed", () => {
  const { lines } = write([1, 2, 3].map(createEntry));
  const bytes = concatBytes(lines);
  const head = emptyChain("0".repeat(64));
  for (let index = 0; index < bytes.length; index++) {
    for (const change of [1, 2, 32, 128]) {
      const run = runs.follow(head, bytes.with(index, bytes[index]! ^ change), 0, Infinity);
      const whole = lines.findIndex((_, line) =>
        index < concatBytes(lines.slice(0, line + 1)).length
      );
      assert.ok((run?.records ?? 0) <= whole, `byte ${index}`);
    }
  }
});

const PLACE = { seq: 7, timeMs: START, prev: "0".repeat(64) };

function isPlain(line: Uint8Array): boolean {
  return new PlainLine().read(line, 0, line.length);
}

/** Whether the reference takes it, whatever hash it holds. */
function isRecord(line: Uint8Array): boolean {
  try {
    decodeRecord(line);
    return true;
  } catch (error) {
    return /does not match its hash/.test((error as Error).message);
  }
}

Deno.test("plain line is never one that is refused, whatever the record or its damage", () => {
  const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: "binary", maxLength: 8 }));
  const value = fc.oneof(
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(text, { maxLength: 3 }),
  );
  const name = fc.oneof(text, fc.constantFrom("__proto__", "a", "ab", "B", "1", "10", "2"));
  const data = fc.dictionary(name, value, { maxKeys: 5 }) as fc.Arbitrary<AuditData>;
  const harm = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.constantFrom(
      "",
      "0",
      "-",
      ".",
      "e1",
      " ",
      ",",
      '"',
      "\\",
      "\\u0041",
      "\t",
      "{}",
      "ï¿",
    ),
  });
  let plain = 0;
  fc.assert(
    fc.property(text, text, data, fc.option(harm), (actor, subject, data, harm) => {
      const entry = { type: "a.b", actor, subject: subject.toWellFormed(), data };
      let line: Uint8Array;
      try {
        line = encodeRecord(entry, PLACE).line.subarray(0, -1);
      } catch {
        return;
      }
      if (harm) {
        const at = harm.at % line.length;
        const insert = encodeUtf8(harm.insert);
        line = concatBytes([line.subarray(0, at), insert, line.subarray(at + harm.remove)]);
      }
      if (!isPlain(line)) return;
      plain += 1;
      assert.ok(isRecord(line), new TextDecoder().decode(line));
    }),
    { numRuns: 5000 },
  );
  assert.ok(plain > 200, `${plain}`);
});

Deno.test("plain line is what the connector writes", () => {
  assert.ok(isPlain(encodeRecord(createEntry(1), PLACE).line.subarray(0, -1)));
  for (
    const data of [{}, { a: [] }, { a: -1, b: true, c: null, d: ["x", 'y"\\\n'], e: "é\u2028😀" }]
  ) {
    const entry = { type: "a.b", actor: "", subject: "", data: data as AuditData };
    assert.ok(isPlain(encodeRecord(entry, PLACE).line.subarray(0, -1)), JSON.stringify(data));
  }
});
