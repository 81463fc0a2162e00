import assert from "node:assert/strict";
import fc from "fast-check";
import { Anchors } from "../../../src/core/audit/anchors.ts";
import { extendChain } from "../../../src/core/audit/chain.ts";
import { type CheckpointSigner, signCheckpoint } from "../../../src/core/audit/checkpoint.ts";
import { concatBytes } from "../../../src/core/audit/lines.ts";
import type { MerkleTree } from "../../../src/core/audit/merkle.ts";
import {
  dayOf,
  genesisEntry,
  openedEntry,
  sealedEntry,
  type SegmentName,
} from "../../../src/core/audit/segment.ts";
import { emptyLog, followSegment } from "../../../src/core/audit/verify.ts";
import { createEntry, createSigner } from "../../fakes/audit.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-11-20T23:59:00Z");

interface Segment {
  readonly name: SegmentName;
  readonly lines: readonly Uint8Array[];
}

interface Written {
  readonly signer: CheckpointSigner;
  readonly segments: readonly Segment[];
  /** After each record, the first of them after none. */
  readonly trees: readonly MerkleTree[];
}

/** Sealed days, and the newest still open. */
async function writeLog(days: number, recordsPerDay: number): Promise<Written> {
  const signer = await createSigner();
  const segments: Segment[] = [];
  let { head } = emptyLog(signer.publicKey);
  const trees = [head.tree];
  for (let day = 0; day < days; day++) {
    const nowMs = START_MS + day * DAY_MS;
    const name = { day: dayOf(nowMs), firstSequence: head.sequence + 1 };
    const previous = segments.at(-1)?.name.day;
    const lines: Uint8Array[] = [];
    const add = (entry: Parameters<typeof extendChain>[1]) => {
      const extension = extendChain(head, entry, nowMs);
      head = extension.head;
      lines.push(...extension.lines);
      trees.push(head.tree);
    };
    add(previous ? openedEntry(name.day, previous) : genesisEntry(signer.publicKey, name.day));
    for (let index = 0; index < recordsPerDay; index++) add(createEntry(index));
    if (day < days - 1) add(sealedEntry(name, head.sequence + 1, true));
    segments.push({ name, lines });
  }
  return { signer, segments, trees };
}

async function* once(bytes: Uint8Array) {
  yield await Promise.resolve(bytes);
}

/** What `audit verify --checkpoint` does with a folder. */
async function verify(
  files: readonly { name: SegmentName; bytes: Uint8Array }[],
  { signer }: Written,
  note: string,
): Promise<void> {
  const anchors = new Anchors();
  anchors.add({ label: "note", note });
  let state = emptyLog(signer.publicKey);
  for (const { name, bytes } of files) {
    const file = `${name.firstSequence}`;
    const end = await followSegment(state, file, name, once(bytes), (_record, state) => {
      anchors.compare(state);
    });
    if (end.torn !== null || end.bytes === 0) throw new Error(`torn or empty: ${file}`);
    state = end.state;
  }
  if (state.head.sequence === 0) throw new Error("there is no log");
  anchors.finish("log", state);
}

const filesOf = ({ segments }: Written) =>
  segments.map(({ name, lines }) => ({ name, bytes: concatBytes(lines) }));

Deno.test("every cut tail of a small log is found by a checkpoint of its end, and only then", async () => {
  const log = await writeLog(3, 2);
  const note = await signCheckpoint(log.trees.at(-1)!, log.signer);
  const files = filesOf(log);
  await verify(files, log, note);
  for (let count = files.length - 1; count >= 0; count--) {
    const { name, bytes } = files[count]!;
    for (let length = 0; length < bytes.length; length++) {
      const cut = [...files.slice(0, count), { name, bytes: bytes.subarray(0, length) }];
      await assert.rejects(verify(cut, log, note), `${name.day} cut to ${length}`);
    }
    await assert.rejects(verify(files.slice(0, count), log, note));
  }
  for (const [size, tree] of log.trees.entries()) {
    if (size > 0) await verify(files, log, await signCheckpoint(tree, log.signer));
  }
});

Deno.test("every missing day of a small log is found, whichever days those are", async () => {
  const log = await writeLog(6, 1);
  const note = await signCheckpoint(log.trees.at(-1)!, log.signer);
  const files = filesOf(log);
  for (let kept = 0; kept < 2 ** files.length - 1; kept++) {
    const some = files.filter((_file, day) => (kept >> day) % 2 === 1);
    await assert.rejects(verify(some, log, note), `days ${kept.toString(2)}`);
  }
});

Deno.test("a log that was written anew with its own key is found by any older checkpoint", async () => {
  const log = await writeLog(2, 3);
  const files = filesOf(log);
  for (let from = 1; from < log.trees.length; from++) {
    let { head } = emptyLog(log.signer.publicKey);
    const [first] = log.segments;
    const lines: Uint8Array[] = [];
    for (let sequence = 1; sequence <= 6; sequence++) {
      const entry = sequence === 1
        ? genesisEntry(log.signer.publicKey, first!.name.day)
        : sequence >= from
        ? { ...createEntry(sequence), subject: "forged" }
        : createEntry(sequence - 2);
      const extension = extendChain(head, entry, START_MS);
      head = extension.head;
      lines.push(...extension.lines);
    }
    const forged = [{ name: first!.name, bytes: concatBytes(lines) }];
    await verify(forged, log, await signCheckpoint(head.tree, log.signer));
    for (let size = Math.max(from, 2); size < log.trees.length; size++) {
      const note = await signCheckpoint(log.trees[size]!, log.signer);
      await assert.rejects(verify(forged, log, note), `forged from ${from}, checkpoint of ${size}`);
    }
  }
  await verify(files, log, await signCheckpoint(log.trees[2]!, log.signer));
});

Deno.test("any tampering with a large log is found", async () => {
  const log = await writeLog(5, 800);
  const note = await signCheckpoint(log.trees.at(-1)!, log.signer);
  const files = filesOf(log);
  await verify(files, log, note);
  const harm = fc.record({
    day: fc.nat(files.length - 1),
    kind: fc.constantFrom("flip", "drop", "double", "swap", "cut", "insert", "exchange"),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    other: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bit: fc.nat(7),
  });
  const tamper = (
    { day, kind, at, other, bit }: typeof harm extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    const { name, lines } = log.segments[day]!;
    const [one, two] = [Math.floor(at * lines.length), Math.floor(other * lines.length)];
    const bytes = files[day]!.bytes.slice();
    if (kind === "flip") bytes[Math.floor(at * bytes.length)]! ^= 1 << bit;
    const changed = kind === "flip"
      ? bytes
      : kind === "cut"
      ? bytes.subarray(0, Math.floor(at * bytes.length))
      : concatBytes(
        kind === "drop"
          ? lines.toSpliced(one, 1)
          : kind === "double" || one === two
          ? lines.toSpliced(two, 0, lines[one]!)
          : kind === "swap"
          ? lines.with(one, lines[two]!).with(two, lines[one]!)
          : kind === "insert"
          ? lines.toSpliced(two, 0, lines[one]!)
          : lines.with(one, lines[two]!),
      );
    return files.with(day, { name, bytes: changed });
  };
  await fc.assert(
    fc.asyncProperty(harm, async (one) => {
      await assert.rejects(verify(tamper(one), log, note));
    }),
    { numRuns: 60 },
  );
});
