import assert from "node:assert/strict";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { verifyCheckpoint } from "../../src/core/audit/checkpoint_proof.ts";
import { treeRoot } from "../../src/core/audit/merkle.ts";
import type { AuditRecord } from "../../src/core/audit/record.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { FaultyFiles } from "../fakes/faulty_files.ts";

const DAY_MS = 86_400_000;

async function readRecords(fixture: AuditFixture): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  const { directory, signer } = fixture;
  await followDirectory(systemFiles, directory, signer.publicKey, (record) => records.push(record));
  return records;
}

async function segmentFiles(fixture: AuditFixture): Promise<string[]> {
  const names = await systemFiles.list(fixture.directory);
  return names.filter((name) => name.endsWith(".jsonl"));
}

async function diskUsage(fixture: AuditFixture): Promise<string> {
  let all = "";
  for (const name of await systemFiles.list(fixture.directory)) {
    all += name + new TextDecoder().decode(await Deno.readFile(`${fixture.directory}/${name}`));
  }
  return all;
}

Deno.test("audit log begins with its genesis and continues after a restart", async () => {
  await using fixture = await createAuditFixture();
  const first = await fixture.open();
  assert.deepEqual((await first.record(createEntry(1))).sequence, 2);
  await first.close();
  const second = await fixture.open();
  const position = await second.record(createEntry(2));
  await second.close();
  const records = await readRecords(fixture);
  assert.deepEqual(records.map(({ type }) => type), [
    "audit.genesis",
    "execution.applying",
    "execution.applying",
  ]);
  assert.deepEqual(position, { sequence: 3, hash: records[2]!.hash });
  assert.deepEqual(await segmentFiles(fixture), ["00000000000000000001-20261122.jsonl"]);
});

Deno.test("audit log gives 100 concurrent writers dense sequences in few writes", async () => {
  await using fixture = await createAuditFixture();
  const disk = new FaultyFiles(systemFiles);
  const log = await fixture.open(disk.files);
  const work = Array.from({ length: 100 }, (_, index) => log.record(createEntry(index)));
  const sequences = (await Promise.all(work)).map(({ sequence }) => sequence);
  await log.close();
  assert.deepEqual(sequences, Array.from({ length: 100 }, (_, index) => index + 2));
  assert.equal((await readRecords(fixture)).length, 101);
  assert.ok(disk.count("append") <= 3, `${disk.count("append")} writes`);
});

Deno.test("audit log signs checkpoints over what is durable", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  const { size, note } = await log.checkpoint();
  await log.close();
  const { signer, directory } = fixture;
  const checkpoint = verifyCheckpoint(note, signer.name, signer.publicKey);
  const { state } = await followDirectory(systemFiles, directory, signer.publicKey);
  assert.equal(size, 2);
  assert.equal(checkpoint.size, 2);
  assert.equal(checkpoint.rootHash.toHex(), treeRoot(state.head.tree).toHex());
});

Deno.test("audit log seals each day, the idle ones too, and opens the next", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  fixture.clock.advance(DAY_MS);
  await log.rotate();
  fixture.clock.advance(DAY_MS);
  await log.rotate();
  await log.rotate();
  fixture.clock.advance(5 * DAY_MS);
  await log.record(createEntry(2));
  await log.close();
  const records = await readRecords(fixture);
  assert.deepEqual(records.map(({ type, subject }) => `${type} ${subject}`).slice(2), [
    "audit.day_sealed 2026-11-22",
    "audit.day_opened 2026-11-23",
    "audit.day_sealed 2026-11-23",
    "audit.day_opened 2026-11-24",
    "audit.day_sealed 2026-11-24",
    "audit.day_opened 2026-11-29",
    "execution.applying e-2",
  ]);
  assert.deepEqual(records[7]!.data, { day: "2026-11-29", previousDay: "2026-11-24" });
  assert.deepEqual(await segmentFiles(fixture), [
    "00000000000000000001-20261122.jsonl",
    "00000000000000000004-20261123.jsonl",
    "00000000000000000006-20261124.jsonl",
    "00000000000000000008-20261129.jsonl",
  ]);
});

Deno.test("audit log cuts a day that grows too large into several segments", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open(systemFiles, 2000);
  for (let index = 0; index < 12; index++) await log.record(createEntry(index));
  await log.close();
  const reopened = await fixture.open(systemFiles, 2000);
  const sealed = reopened.segments.list();
  await reopened.close();
  assert.ok(sealed.length >= 2);
  assert.ok(sealed.every(({ day }) => day === "2026-11-22"));
  const types = (await readRecords(fixture)).map(({ type }) => type);
  assert.ok(types.includes("audit.segment_sealed") && types.includes("audit.segment_opened"));
});

Deno.test("audit log keeps its order and its day when the clock steps back", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  fixture.clock.step(-3 * DAY_MS);
  await log.record(createEntry(2));
  await log.close();
  const records = await readRecords(fixture);
  assert.deepEqual(records.map(({ type }) => type), [
    "audit.genesis",
    "execution.applying",
    "audit.clock_stepped",
    "execution.applying",
  ]);
  assert.equal(records[2]!.data.fromMs, records[1]!.timeMs);
  assert.equal((await segmentFiles(fixture)).length, 1);
});

Deno.test("audit log opens no day again that is sealed, though the clock steps back just then", async () => {
  await using fixture = await createAuditFixture();
  const disk = new FaultyFiles(systemFiles);
  const log = await fixture.open(disk.files);
  await log.record(createEntry(1));
  fixture.clock.advance(DAY_MS);
  disk.failAt(2); // the day is sealed, and the next one's file cannot be opened
  await assert.rejects(log.record(createEntry(2)), { code: "audit_unavailable" });
  fixture.clock.step(-DAY_MS);
  await log.record(createEntry(3));
  await log.close();
  assert.deepEqual(await segmentFiles(fixture), [
    "00000000000000000001-20261122.jsonl",
    "00000000000000000004-20261123.jsonl",
  ]);
  assert.equal((await readRecords(fixture)).length, 6);
});

Deno.test("audit log ends a day that was sealed early before it opens the next", async () => {
  await using fixture = await createAuditFixture();
  const first = await fixture.open();
  await first.record(createEntry(1));
  await first.seal();
  await first.seal();
  await first.close();
  fixture.clock.advance(3 * DAY_MS);
  const second = await fixture.open();
  await second.record(createEntry(2));
  await second.close();
  assert.deepEqual((await readRecords(fixture)).map(({ type }) => type), [
    "audit.genesis",
    "execution.applying",
    "audit.segment_sealed",
    "audit.segment_opened",
    "audit.day_sealed",
    "audit.day_opened",
    "execution.applying",
  ]);
});

Deno.test("audit log trims a torn last record at every offset, and says so", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  await log.record(createEntry(2));
  await log.close();
  const [name] = await segmentFiles(fixture);
  const path = `${fixture.directory}/${name}`;
  const whole = await Deno.readFile(path);
  const lastStart = whole.lastIndexOf(10, whole.length - 2) + 1;
  for (let size = lastStart + 1; size < whole.length; size++) {
    await Deno.writeFile(path, whole.subarray(0, size));
    const reopened = await fixture.open();
    await reopened.record(createEntry(3));
    await reopened.close();
    const records = await readRecords(fixture);
    assert.deepEqual(records.map(({ type }) => type), [
      "audit.genesis",
      "execution.applying",
      "audit.recovered",
      "execution.applying",
    ]);
    assert.equal(records[2]!.data.trimmedBytes, size - lastStart);
  }
});

Deno.test("audit log starts anew over a first record that was never finished", async () => {
  await using fixture = await createAuditFixture();
  for (const content of ["", `{"actor":"conn`]) {
    await systemFiles.ensureDirectory(fixture.directory);
    await Deno.writeTextFile(`${fixture.directory}/00000000000000000001-20261120.jsonl`, content);
    const log = await fixture.open();
    await log.record(createEntry(1));
    await log.close();
    assert.deepEqual(await segmentFiles(fixture), ["00000000000000000001-20261122.jsonl"]);
    await Deno.remove(fixture.directory, { recursive: true });
  }
});

Deno.test("audit log refuses to open over damage, and keeps every byte", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  fixture.clock.advance(DAY_MS);
  await log.record(createEntry(2));
  await log.close();
  const names = await segmentFiles(fixture);
  for (const [index, name] of names.entries()) {
    const path = `${fixture.directory}/${name}`;
    const whole = await Deno.readFile(path);
    const damages = [
      whole.with(40, whole[40]! ^ 1),
      new Uint8Array([...whole, ...whole]),
      new Uint8Array([...whole.subarray(0, 100), 10, ...whole.subarray(100)]),
      ...(index === 0 ? [whole.subarray(0, -1), new Uint8Array(), whole.subarray(0, 50)] : []),
    ];
    for (const damaged of damages) {
      await Deno.writeFile(path, damaged);
      const before = await diskUsage(fixture);
      await assert.rejects(fixture.open(), { code: "audit_broken" });
      assert.equal(await diskUsage(fixture), before);
    }
    await Deno.writeFile(path, whole);
  }
  await (await fixture.open()).close();
});

Deno.test("audit log stops when its file is deleted, exchanged or written by someone else", async () => {
  const harms: ((path: string) => Promise<void>)[] = [
    (path) => Deno.remove(path),
    async (path) => {
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(`${path}.copy`, bytes);
      await Deno.rename(`${path}.copy`, path);
    },
    (path) => Deno.writeTextFile(path, "x", { append: true }),
    (path) => Deno.truncate(path, 10),
  ];
  for (const harm of harms) {
    await using fixture = await createAuditFixture();
    const log = await fixture.open();
    await log.record(createEntry(1));
    await harm(`${fixture.directory}/${(await segmentFiles(fixture))[0]}`);
    await assert.rejects(log.record(createEntry(2)), { code: "audit_broken" });
    await assert.rejects(log.record(createEntry(3)), { code: "audit_broken" });
    assert.equal(fixture.health.get("audit")?.state, "stalled");
    await log.close();
  }
});

Deno.test("audit log does not acknowledge what went into a file that lost its name meanwhile", async () => {
  const harms: ((path: string) => Promise<void>)[] = [
    (path) => Deno.remove(path),
    (path) => Deno.rename(path, `${path}.old`),
    async (path) => {
      await Deno.rename(path, `${path}.old`);
      await Deno.copyFile(`${path}.old`, path);
    },
    (path) => Deno.writeTextFile(path, "x", { append: true }),
  ];
  for (const harm of harms) {
    await using fixture = await createAuditFixture();
    let strike = false;
    const log = await fixture.open({
      ...systemFiles,
      openAppend: async (path) => {
        const file = await systemFiles.openAppend(path);
        return {
          ...file,
          append: async (bytes) => {
            await file.append(bytes);
            if (strike) await harm(path);
          },
        };
      },
    });
    await log.record(createEntry(1));
    strike = true;
    await assert.rejects(log.record(createEntry(2)), { code: "audit_broken" });
    assert.equal(fixture.health.get("audit")?.state, "stalled");
    await log.close();
  }
});

Deno.test("audit log records that it repaired the tail of a failed write", async () => {
  await using fixture = await createAuditFixture();
  const disk = new FaultyFiles(systemFiles);
  const log = await fixture.open(disk.files);
  await log.record(createEntry(1));
  disk.failAt(1);
  await assert.rejects(log.record(createEntry(2)), { code: "audit_unavailable" });
  assert.equal(fixture.health.get("audit")?.state, "degraded");
  await log.record(createEntry(3));
  assert.equal(fixture.health.get("audit")?.state, "ok");
  await log.close();
  const types = (await readRecords(fixture)).map(({ type }) => type);
  assert.deepEqual(types.slice(2), ["audit.recovered", "execution.applying"]);
});

Deno.test("audit log refuses after five seconds of a hanging disk, and goes on when it is back", async () => {
  await using fixture = await createAuditFixture();
  const disk = Promise.withResolvers<void>();
  const hanging: Files = {
    ...systemFiles,
    openAppend: async (path) => {
      const file = await systemFiles.openAppend(path);
      return {
        path,
        close: () => file.close(),
        append: async (bytes) => {
          await disk.promise;
          await file.append(bytes);
        },
      };
    },
  };
  const log = await fixture.open(hanging);
  const refused = assert.rejects(log.record(createEntry(1)), { code: "audit_unavailable" });
  await fixture.clock.whenSleeping();
  fixture.clock.advance(5000);
  await refused;
  disk.resolve();
  await log.record(createEntry(2));
  await log.close();
  const indexes = (await readRecords(fixture)).slice(1).map(({ data }) => data.index);
  assert.deepEqual(indexes, [1, 2]);
});

Deno.test("audit log bounds its queue", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  const work = Array.from({ length: 5000 }, (_, index) => log.record(createEntry(index)));
  const results = await Promise.allSettled(work);
  await log.close();
  const refused = results.filter(({ status }) => status === "rejected").length;
  assert.equal(refused, 5000 - 4096);
  assert.equal((await readRecords(fixture)).length, 4097);
});

Deno.test("audit log refuses entries that only it may write, and entries after its end", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  const seal = { ...createEntry(1), type: "audit.day_sealed" };
  await assert.rejects(log.record(seal), { code: "malformed_request" });
  await log.close();
  await assert.rejects(log.record(createEntry(1)), { code: "audit_unavailable" });
});

Deno.test("audit log removes shipped segments from the old end and goes on from there", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  for (let index = 0; index < 3; index++) {
    await log.record(createEntry(index));
    fixture.clock.advance(DAY_MS);
  }
  await log.rotate();
  const before = await log.checkpoint();
  const [first, second] = log.segments.list();
  const shipment = { key: "k", bytes: 1, sha256: "0".repeat(64), shippedAtMs: 1 };
  await assert.rejects(log.segments.removeOldest(first!.fileName));
  await log.segments.markShipped(first!.fileName, shipment);
  await log.segments.markShipped(second!.fileName, shipment);
  await assert.rejects(log.segments.removeOldest(second!.fileName));
  await log.segments.removeOldest(first!.fileName);
  await log.close();
  const reopened = await fixture.open();
  assert.deepEqual(await reopened.checkpoint(), before);
  assert.deepEqual(reopened.segments.list()[0], { ...second, shipment });
  await reopened.record(createEntry(9));
  await reopened.close();
  assert.equal((await readRecords(fixture))[0]!.seq, second!.firstSequence);
});

Deno.test("audit log finishes a removal that a crash interrupted", async () => {
  for (let operation = 1; operation <= 3; operation++) {
    await using fixture = await createAuditFixture();
    const disk = new FaultyFiles(systemFiles);
    const log = await fixture.open(disk.files);
    await log.record(createEntry(1));
    fixture.clock.advance(DAY_MS);
    await log.rotate();
    const { fileName } = log.segments.list()[0]!;
    const shipment = { key: "k", bytes: 1, sha256: "0".repeat(64), shippedAtMs: 1 };
    await log.segments.markShipped(fileName, shipment);
    disk.failAt(operation);
    await assert.rejects(log.segments.removeOldest(fileName));
    await log.close();
    const reopened = await fixture.open();
    await reopened.record(createEntry(2));
    assert.equal(reopened.segments.list().length, operation === 1 ? 1 : 0);
    await reopened.close();
    assert.equal((await segmentFiles(fixture)).includes(fileName), operation === 1);
  }
});

Deno.test("sealed segment is read back only as it was written", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  fixture.clock.advance(DAY_MS);
  await log.rotate();
  const { fileName } = log.segments.list()[0]!;
  const path = `${fixture.directory}/${fileName}`;
  const whole = await Deno.readFile(path);
  assert.deepEqual(await log.segments.read(fileName), whole);
  for (const damaged of [whole.with(50, whole[50]! ^ 1), whole.subarray(0, -1)]) {
    await Deno.writeFile(path, damaged);
    await assert.rejects(log.segments.read(fileName), { code: "audit_broken" });
  }
  await log.close();
});
