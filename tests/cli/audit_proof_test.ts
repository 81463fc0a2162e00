import assert from "node:assert/strict";
import {
  type AuditProveOptions,
  runAuditConsistency,
  runAuditProve,
} from "../../src/cli/audit_prove.ts";
import { runVerifyProof } from "../../src/cli/audit_verify_proof.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";

const DAY_MS = 86_400_000;

/** Three days; a checkpoint after each record. */
async function writeLog(fixture: AuditFixture): Promise<string[]> {
  const log = await fixture.open();
  const notes: string[] = [];
  for (let index = 0; index < 9; index++) {
    await log.record(createEntry(index));
    notes.push((await log.checkpoint()).note);
    if (index % 3 === 2) fixture.clock.advance(DAY_MS);
  }
  await log.close();
  return notes;
}

const sizeOf = (note: string) => Number(note.split("\n")[1]);

async function prove(options: AuditProveOptions, texts: Record<string, string> = {}) {
  const terminal = new Terminal(texts);
  assert.equal(await runAuditProve(options, terminal.io), 0);
  return terminal.output;
}

async function check(proof: string, key: string) {
  const terminal = new Terminal({ proof, key });
  const code = await runVerifyProof(
    { path: "proof", publicKey: "key", output: "text" },
    terminal.io,
  );
  return { code, output: terminal.output };
}

Deno.test("audit prove gives a proof of each record that holds without the log", async () => {
  await using fixture = await createAuditFixture();
  const notes = await writeLog(fixture);
  const source = { directory: fixture.directory };
  const key = fixture.signer.publicKey.toBase64();
  const note = notes.at(-1)!;
  for (let sequence = 1; sequence <= sizeOf(note); sequence++) {
    const proof = await prove({ source, sequence, checkpoint: "note" }, { note });
    const { code, output } = await check(proof, key);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`record ${sequence} is in the log of ${sizeOf(note)} records`));
    assert.equal(JSON.parse(JSON.parse(proof).record).seq, sequence);
  }
  const other = await createAuditFixture();
  const foreign = await check(
    await prove({ source, sequence: 2, checkpoint: "note" }, { note }),
    other.signer.publicKey.toBase64(),
  );
  assert.match(foreign.output, /NOT ok: bad_signature/);
});

Deno.test("audit prove takes the newest checkpoint beside the log, and says when it is too old", async () => {
  await using fixture = await createAuditFixture();
  const notes = await writeLog(fixture);
  const source = { directory: fixture.directory };
  await assert.rejects(prove({ source, sequence: 2 }), { code: "not_found" });
  await Deno.writeTextFile(`${fixture.directory}/latest.checkpoint`, notes[3]!);
  const proof = JSON.parse(await prove({ source, sequence: 2 }));
  assert.equal(proof.size, sizeOf(notes[3]!));
  await assert.rejects(prove({ source, sequence: 12 }), /covers \d+ records, and record 12/);
  await assert.rejects(
    prove({ source, sequence: 999, checkpoint: "n" }, { n: notes.at(-1)! }),
    { code: "not_found" },
  );
});

Deno.test("proof is refused when any part of it is not what was written", async () => {
  await using fixture = await createAuditFixture();
  const notes = await writeLog(fixture);
  const source = { directory: fixture.directory };
  const key = fixture.signer.publicKey.toBase64();
  const proof = JSON.parse(
    await prove({ source, sequence: 4, checkpoint: "note" }, { note: notes.at(-1)! }),
  );
  const other = JSON.parse(
    await prove({ source, sequence: 5, checkpoint: "note" }, { note: notes.at(-1)! }),
  );
  const changes: [object, RegExp][] = [
    [{ record: other.record }, /expected record 4, found record 5/],
    [{ record: other.record, index: 4 }, /is not in the log/],
    [{ record: proof.record.replace("e-2", "e-7") }, /does not match its hash/],
    [{ record: proof.record + " " }, /canonical/],
    [{ hashes: other.hashes }, /is not in the log/],
    [{ hashes: proof.hashes.slice(1) }, /is not in the log/],
    [{ size: proof.size - 1 }, /expected a checkpoint/],
    [{ checkpoint: notes[5] }, /expected a checkpoint/],
    [{ checkpoint: notes[5], size: sizeOf(notes[5]!) }, /is not in the log/],
    [{ hashes: ["A".repeat(43) + "B"] }, /no proof: hashes\.0/],
    [{ format: "x" }, /no proof: format/],
  ];
  for (const [change, expected] of changes) {
    const { code, output } = await check(JSON.stringify({ ...proof, ...change }), key);
    assert.equal(code, 1);
    assert.match(output, expected);
  }
  assert.match((await check("{", key)).output, /must be JSON/);
});

Deno.test("audit consistency proves growth between any two checkpoints", async () => {
  await using fixture = await createAuditFixture();
  const notes = await writeLog(fixture);
  const source = { directory: fixture.directory };
  const key = fixture.signer.publicKey.toBase64();
  for (const [at, older] of notes.entries()) {
    for (const newer of notes.slice(at)) {
      const terminal = new Terminal({ older, newer });
      const options = { source, older: "older", newer: "newer" };
      assert.equal(await runAuditConsistency(options, terminal.io), 0);
      const { code, output } = await check(terminal.output, key);
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`from ${sizeOf(older)} to ${sizeOf(newer)} records`));
      if (older === newer) continue;
      const swapped = { ...JSON.parse(terminal.output), from: newer, to: older };
      assert.equal((await check(JSON.stringify(swapped), key)).code, 1);
      const reversed = runAuditConsistency({ source, older: "newer", newer: "older" }, terminal.io);
      await assert.rejects(reversed, /name the older|more than the/);
    }
  }
});

Deno.test("audit consistency refuses a checkpoint of another history under the same key", async () => {
  await using fixture = await createAuditFixture();
  const notes = await writeLog(fixture);
  await Deno.remove(fixture.directory, { recursive: true });
  const again = await writeLog(fixture);
  const terminal = new Terminal({ older: notes[2]!, newer: again[5]! });
  await assert.rejects(
    runAuditConsistency(
      { source: { directory: fixture.directory }, older: "older", newer: "newer" },
      terminal.io,
    ),
    { code: "audit_broken" },
  );
});
