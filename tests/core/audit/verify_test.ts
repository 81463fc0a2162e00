import assert from "node:assert/strict";
import fc from "fast-check";
import { extendChain } from "../../../src/core/audit/chain.ts";
import type { AuditRecord } from "../../../src/core/audit/record.ts";
import { concatBytes } from "../../../src/core/audit/lines.ts";
import {
  dayOf,
  genesisEntry,
  openedEntry,
  sealedEntry,
  type SegmentName,
} from "../../../src/core/audit/segment.ts";
import {
  AuditDamageError,
  emptyLog,
  followSegment,
  type LogState,
  type VisitRecord,
} from "../../../src/core/audit/verify.ts";
import { createEntry } from "../../fakes/audit.ts";

const PUBLIC_KEY = new Uint8Array(32).fill(7);
const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-11-20T23:59:00Z");

interface Segment {
  readonly name: SegmentName;
  readonly lines: readonly Uint8Array[];
}

/** Two sealed days and one open, written without the file adapter. */
function writeLog(): Segment[] {
  const segments: Segment[] = [];
  let head = emptyLog(PUBLIC_KEY).head;
  let previousDay: string | null = null;
  for (const index of [0, 1, 2]) {
    const nowMs = START_MS + index * DAY_MS;
    const name = { day: dayOf(nowMs), firstSequence: head.sequence + 1 };
    const opening = previousDay === null
      ? genesisEntry(PUBLIC_KEY, name.day)
      : openedEntry(name.day, previousDay);
    const lines: Uint8Array[] = [];
    for (const entry of [opening, createEntry(index), createEntry(index + 10)]) {
      const extension = extendChain(head, entry, nowMs);
      lines.push(...extension.lines);
      head = extension.head;
    }
    if (index < 2) {
      const seal = extendChain(head, sealedEntry(name, head.sequence + 1, true), nowMs);
      lines.push(...seal.lines);
      head = seal.head;
    }
    segments.push({ name, lines });
    previousDay = name.day;
  }
  return segments;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    yield await Promise.resolve(bytes.subarray(offset, offset + size));
  }
}

async function follow(
  segments: readonly { name: SegmentName; bytes: Uint8Array }[],
  options: { publicKey?: Uint8Array | null; chunkSize?: number; before?: LogState } = {},
): Promise<LogState> {
  const { publicKey = PUBLIC_KEY, before = emptyLog(publicKey) } = options;
  let state = before;
  for (const { name, bytes } of segments) {
    const chunks = chunked(bytes, options.chunkSize ?? 1000);
    const end = await followSegment(state, `${name.firstSequence}.jsonl`, name, chunks);
    if (end.torn !== null) throw new Error(`torn after ${end.bytes} bytes`);
    state = end.state;
  }
  return state;
}

const joined = (segments: readonly Segment[]) =>
  segments.map(({ name, lines }) => ({ name, bytes: concatBytes(lines) }));

Deno.test("followSegment accepts what was written, however it is cut into chunks", async () => {
  const log = joined(writeLog());
  const whole = await follow(log);
  assert.equal(whole.head.sequence, 11);
  for (const chunkSize of [1, 7, 64, 100_000]) {
    assert.deepEqual(await follow(log, { chunkSize }), whole);
  }
  assert.deepEqual(await follow(log, { publicKey: null }), whole);
});

Deno.test("followSegment finds every flipped bit of a small log", async () => {
  const log = joined(writeLog());
  let before = emptyLog(PUBLIC_KEY);
  for (const [index, segment] of log.entries()) {
    const { name, bytes } = segment;
    for (let offset = 0; offset < bytes.length; offset++) {
      for (const mask of [1, 32, 128]) {
        const changed = bytes.slice();
        changed[offset]! ^= mask;
        // What is before it did not change: from there on, the rest.
        const copy = [{ name, bytes: changed }, ...log.slice(index + 1)];
        const what = `segment ${index}, byte ${offset}, mask ${mask}`;
        await assert.rejects(follow(copy, { before }), what);
      }
    }
    before = await follow([segment], { before });
  }
});

Deno.test("followSegment finds every dropped, doubled and swapped record", async () => {
  const log = writeLog();
  for (const [index, { name, lines }] of log.entries()) {
    const changes = lines.flatMap((line, at) => [
      lines.toSpliced(at, 1),
      lines.toSpliced(at, 0, line),
      ...lines.keys().filter((other) => other > at).map((other) =>
        lines.with(at, lines[other]!).with(other, line)
      ),
    ]);
    for (const [change, changedLines] of changes.entries()) {
      // Without its end the newest segment is a shorter log: only a checkpoint can tell.
      if (index === log.length - 1 && change === changes.length - 2) continue;
      const copy = joined(log.with(index, { name, lines: changedLines }));
      await assert.rejects(follow(copy), AuditDamageError, `segment ${index}, change ${change}`);
    }
  }
});

Deno.test("followSegment finds missing, exchanged, renamed and unsealed segments", async () => {
  const [first, second, third] = joined(writeLog()) as [Joined, Joined, Joined];
  const renamed = (segment: Joined, name: Partial<SegmentName>) => ({
    ...segment,
    name: { ...segment.name, ...name },
  });
  const unsealed = joined([{ ...writeLog()[0]!, lines: writeLog()[0]!.lines.slice(0, -1) }])[0]!;
  const cases: [string, Joined[], RegExp][] = [
    ["first missing", [second, third], /expected a audit.genesis|expected a/],
    ["middle missing", [first, third], /file name says sequence 9, expected 5|expected sequence/],
    ["exchanged", [second, first, third], /./],
    ["renamed day", [first, renamed(second, { day: "2026-11-23" }), third], /expected \{/],
    ["renamed to an earlier day", [first, renamed(second, { day: "2026-11-19" })], /but follows/],
    ["renamed sequence", [first, renamed(second, { firstSequence: 6 })], /file name says/],
    ["unsealed", [unsealed, renamed(second, { firstSequence: 4 })], /expected/],
    ["twice", [first, first], /./],
  ];
  for (const [what, segments, message] of cases) {
    await assert.rejects(follow(segments), (error: Error) => {
      assert.ok(error instanceof AuditDamageError, what);
      assert.match(error.message, message, what);
      return true;
    });
  }
});
type Joined = ReturnType<typeof joined>[number];

Deno.test("followSegment names file, line and record of the damage", async () => {
  const log = joined(writeLog());
  const bytes = log[1]!.bytes.slice();
  bytes[writeLog()[1]!.lines[0]!.length + 20]! ^= 1;
  await assert.rejects(follow(log.with(1, { ...log[1]!, bytes })), (error) => {
    assert.ok(error instanceof AuditDamageError);
    assert.deepEqual(error.place, { file: "5.jsonl", line: 2, sequence: 6 });
    return error.code === "audit_broken";
  });
});

Deno.test("followSegment refuses another key's log", async () => {
  const log = joined(writeLog());
  await assert.rejects(follow(log, { publicKey: new Uint8Array(32) }), AuditDamageError);
});

Deno.test("a clock that steps back is recorded, and the order stays", () => {
  const times = fc.array(fc.integer({ min: 1, max: 2e12 }), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(times, (list) => {
    let head = emptyLog(PUBLIC_KEY).head;
    let newest = 0;
    let steps = 0;
    for (const timeMs of list) {
      const { lines, head: next } = extendChain(head, createEntry(1), timeMs);
      const stepped = timeMs < newest;
      assert.equal(lines.length, stepped ? 2 : 1);
      assert.equal(next.sequence, head.sequence + lines.length);
      steps += stepped ? 1 : 0;
      newest = timeMs;
      head = next;
    }
    assert.equal(head.tree.size, list.length + steps);
  }));
});

/** One segment of some hundred KiB. */
function writeLongLog(): { name: SegmentName; bytes: Uint8Array } {
  const name = { day: dayOf(START_MS), firstSequence: 1 };
  let { head } = emptyLog(PUBLIC_KEY);
  const lines: Uint8Array[] = [];
  for (let index = 0; index < 900; index++) {
    const entry = index === 0 ? genesisEntry(PUBLIC_KEY, name.day) : createEntry(index);
    const extension = extendChain(head, entry, START_MS + index);
    lines.push(...extension.lines);
    head = extension.head;
  }
  return { name, bytes: concatBytes(lines) };
}

Deno.test("followSegment finds every harm to a long log, and names it as when it reads record by record", async () => {
  const { name, bytes } = writeLongLog();
  const verdict = async (content: Uint8Array, visit?: VisitRecord) => {
    const chunks = chunked(content, 50_000);
    try {
      const end = await followSegment(emptyLog(PUBLIC_KEY), "f", name, chunks, visit);
      return { end };
    } catch (error) {
      return (error as Error).message;
    }
  };
  const whole = await verdict(bytes);
  assert.deepEqual(whole, await verdict(bytes, () => {}));
  assert.ok(typeof whole === "object" && whole.end.state.head.sequence === 900);
  const seen: number[] = [];
  const some = Object.assign((record: AuditRecord) => void seen.push(record.seq), {
    next: (after: number) => Math.ceil((after + 1) / 250) * 250,
  });
  assert.deepEqual(await verdict(bytes, some), whole);
  assert.ok([250, 500, 750].every((sequence) => seen.includes(sequence)));
  assert.ok(seen.length < 300, `${seen.length}`);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom("flip", "remove", "insert"),
      async (at, value, harm) => {
        const harmed = harm === "flip"
          ? bytes.with(at, bytes[at]! ^ value)
          : harm === "remove"
          ? concatBytes([bytes.subarray(0, at), bytes.subarray(at + value)])
          : concatBytes([bytes.subarray(0, at), new Uint8Array([value]), bytes.subarray(at)]);
        const found = await verdict(harmed);
        // What is cut off at the very end leaves a shorter log, or a torn one.
        if (typeof found === "object") assert.ok(at > bytes.length - 600);
        assert.deepEqual(found, await verdict(harmed, () => {}));
      },
    ),
    { numRuns: 60 },
  );
});
