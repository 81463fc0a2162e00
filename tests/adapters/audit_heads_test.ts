import assert from "node:assert/strict";
import type { FileAuditLog } from "../../src/adapters/audit_file.ts";
import { AuditHeads } from "../../src/adapters/audit_heads.ts";
import { verifyCheckpoint } from "../../src/core/audit/checkpoint_proof.ts";
import { decodeHashes } from "../../src/core/audit/proof_hashes.ts";
import { judgeGrowth } from "../../src/core/audit/witness.ts";
import type { Checkpoint } from "../../src/core/audit/checkpoint.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";

const DAY_MS = 86_400_000;

function headsOf(fixture: AuditFixture, log: FileAuditLog, files: Files = systemFiles): AuditHeads {
  const { directory, signer } = fixture;
  return new AuditHeads({ files, directory, signer, head: () => log.head, chains: () => [] });
}

/** A holder of one checkpoint, as the control plane is. */
class Holder {
  held: Checkpoint | null = null;

  constructor(private readonly fixture: AuditFixture) {}

  async take(heads: AuditHeads): Promise<string> {
    const { checkpoint, consistency } = await heads.next();
    const next = verifyCheckpoint(checkpoint, null, this.fixture.signer.publicKey);
    const proof = consistency && { ...consistency, hashes: decodeHashes(consistency.hashes) };
    const judged = judgeGrowth(this.held, next, proof);
    if (judged.verdict === "ask") {
      await heads.holds(judged.heldSize);
      return "ask";
    }
    if (judged.verdict === "alarm") return judged.alarm;
    this.held = next;
    return judged.verdict;
  }
}

async function write(log: FileAuditLog, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await log.record(createEntry(index));
}

Deno.test("heads prove their growth from beat to beat, across days, restarts and lost answers", async () => {
  await using fixture = await createAuditFixture();
  const holder = new Holder(fixture);
  let log = await fixture.open(systemFiles, 3000);
  let heads = headsOf(fixture, log);
  await write(log, 3);
  assert.equal(await holder.take(heads), "grown");
  await heads.acknowledged();
  for (let beat = 0; beat < 20; beat++) {
    await write(log, beat % 5);
    if (beat % 4 === 3) fixture.clock.advance(DAY_MS);
    const verdict = await holder.take(heads);
    // Every third answer is lost: the next proof begins elsewhere, and is asked for again.
    if (verdict === "ask") assert.match(await holder.take(heads), /grown|same/);
    else assert.match(verdict, /grown|same/);
    if (beat % 3 !== 2) await heads.acknowledged();
    if (beat % 7 === 6) {
      await log.close();
      log = await fixture.open(systemFiles, 3000);
      heads = headsOf(fixture, log);
    }
  }
  assert.equal(holder.held!.size, log.head.sequence);
  await log.close();
});

Deno.test("heads read nothing again that they have read, after a restart neither", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await write(log, 200);
  let bytes = 0;
  const counting: Files = {
    ...systemFiles,
    readAt: async (path, offset, length) => {
      const chunk = await systemFiles.readAt(path, offset, length);
      bytes += chunk.length;
      return chunk;
    },
  };
  const heads = headsOf(fixture, log, counting);
  await heads.next();
  await heads.acknowledged();
  bytes = 0;
  await write(log, 1);
  await heads.next();
  assert.ok(bytes < 1000, `${bytes} bytes for one record`);
  bytes = 0;
  const { consistency } = await headsOf(fixture, log, counting).next();
  assert.deepEqual([bytes, consistency!.from], [0, 201]);
  await log.close();
});

Deno.test("heads prove from any size that the control plane says it holds", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  const holder = new Holder(fixture);
  const old: Checkpoint[] = [];
  const heads = headsOf(fixture, log);
  for (let index = 0; index < 12; index++) {
    await write(log, 1);
    await holder.take(heads);
    await heads.acknowledged();
    old.push(holder.held!);
  }
  for (const held of old) {
    holder.held = held;
    const first = await holder.take(heads);
    if (first === "ask") assert.equal(await holder.take(heads), "grown");
    else assert.equal(first, "same");
  }
  await log.close();
});

Deno.test("heads are not signed when the disk holds something else than was written", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await write(log, 2);
  const heads = headsOf(fixture, log);
  await heads.next();
  await write(log, 3);
  const path = `${fixture.directory}/00000000000000000001-20261122.jsonl`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace(/e-2(?![^]*e-2)/, "e-7"));
  await assert.rejects(heads.next(), { code: "audit_broken" });
  await Deno.writeTextFile(path, text);
  assert.equal((await headsOf(fixture, log).next()).size, 6);
  await log.close();
});

Deno.test("heads are not signed for a log that is older than the last one, or another", async () => {
  await using fixture = await createAuditFixture();
  let log = await fixture.open();
  await write(log, 2);
  const path = `${fixture.directory}/00000000000000000001-20261122.jsonl`;
  await log.close();
  const older = await Deno.readTextFile(path);
  log = await fixture.open();
  await write(log, 2);
  await headsOf(fixture, log).next();
  await log.close();
  await Deno.writeTextFile(path, older);
  log = await fixture.open();
  await assert.rejects(headsOf(fixture, log).next(), /had 5 records when it was last signed/);
  await log.record({ ...createEntry(1), subject: "forged" });
  await write(log, 4);
  await assert.rejects(headsOf(fixture, log).next(), { code: "audit_broken" });
  await log.close();
});

Deno.test("heads of an unreadable state are refused, of none begin anew", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await write(log, 2);
  await headsOf(fixture, log).next();
  const state = `${fixture.directory}/heads.json`;
  await Deno.writeTextFile(state, "{");
  await assert.rejects(headsOf(fixture, log).next(), /heads\.json cannot be read/);
  await Deno.remove(state);
  assert.equal((await headsOf(fixture, log).next()).consistency, null);
  await log.close();
});
