/** Both verifiers take the same proofs and exports, and no others. */
import assert from "node:assert/strict";
import { runAuditExport } from "../../src/cli/audit_export.ts";
import { runAuditConsistency, runAuditProve } from "../../src/cli/audit_prove.ts";
import { runVerifyProof } from "../../src/cli/audit_verify_proof.ts";
import { createAuditFixture, createEntry } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";
import { pythonTest, verifyInPython } from "./python.ts";

interface Proven extends AsyncDisposable {
  readonly root: string;
  readonly directory: string;
  readonly key: string;
  /** Paths of checkpoints, oldest first. */
  readonly notes: readonly string[];
}

async function createProven(): Promise<Proven> {
  const fixture = await createAuditFixture();
  const root = fixture.directory.replace(/\/audit$/, "");
  const log = await fixture.open();
  const notes: string[] = [];
  for (let index = 0; index < 13; index++) {
    await log.record(createEntry(index));
    notes.push(`${root}/note-${index}`);
    await Deno.writeTextFile(notes.at(-1)!, (await log.checkpoint()).note);
  }
  await log.close();
  const key = `${root}/key`;
  await Deno.writeTextFile(key, fixture.signer.publicKey.toBase64());
  const { directory } = fixture;
  return {
    root,
    directory,
    key,
    notes,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

async function ours(path: string, publicKey: string): Promise<boolean> {
  return await runVerifyProof({ path, publicKey, output: "json" }, new Terminal().io) === 0;
}

/** What changes nothing that counts: the key that a document names, and what an export was asked for. */
async function expectSame(
  paths: readonly string[],
  key: string,
  expected: boolean | ((at: number) => boolean | null),
): Promise<void> {
  const judged = verifyInPython(paths, { publicKey: key }); // in its process, while this one does the same
  const verdicts: boolean[] = [];
  for (const path of paths) verdicts.push(await ours(path, key));
  const python = await judged;
  for (const [at, path] of paths.entries()) {
    const found = verdicts[at]!;
    assert.equal(python[at]!.ok, found, `${path}: ${python[at]!.message}`);
    const wanted = typeof expected === "boolean" ? expected : expected(at);
    if (wanted !== null) assert.equal(found, wanted, path);
  }
}

async function flips(root: string, text: string): Promise<string[]> {
  const folder = `${root}/flips-${crypto.randomUUID()}`;
  await Deno.mkdir(folder);
  const bytes = new TextEncoder().encode(text);
  return bytes.keys().map((offset) => {
    const changed = bytes.slice();
    changed[offset]! ^= 1 << (offset % 7);
    Deno.writeFileSync(`${folder}/${offset}`, changed);
    return `${folder}/${offset}`;
  }).toArray();
}

pythonTest("both take every proof that the connector makes", async () => {
  await using proven = await createProven();
  const { root, directory, key, notes } = proven;
  const source = { directory };
  const paths: string[] = [];
  const keep = async (terminal: Terminal) => {
    const path = `${root}/proof-${paths.length}`;
    await Deno.writeTextFile(path, terminal.output);
    paths.push(path);
  };
  for (let sequence = 1; sequence <= 14; sequence++) {
    const terminal = new Terminal();
    await runAuditProve({ source, sequence, checkpoint: notes.at(-1)! }, terminal.io);
    await keep(terminal);
  }
  for (const [at, older] of notes.entries()) {
    for (const newer of notes.slice(at)) {
      const terminal = new Terminal();
      await runAuditConsistency({ source, older, newer }, terminal.io);
      await keep(terminal);
    }
  }
  await expectSame(paths, key, true);
});

pythonTest("both refuse a proof with any byte changed that says something", async () => {
  await using proven = await createProven();
  const { root, directory, key, notes } = proven;
  const source = { directory };
  const documents: string[] = [];
  for (
    const make of [
      (terminal: Terminal) =>
        runAuditProve({ source, sequence: 6, checkpoint: notes[10]! }, terminal.io),
      (terminal: Terminal) =>
        runAuditConsistency({ source, older: notes[4]!, newer: notes[10]! }, terminal.io),
    ]
  ) {
    const terminal = new Terminal();
    await make(terminal);
    // Without spaces: each byte counts but those of the key that it names.
    documents.push(JSON.stringify(JSON.parse(terminal.output)));
  }
  for (const text of documents) {
    const start = text.indexOf('"publicKey"');
    const isNamed = (at: number) => at >= start && at < start + 60;
    await expectSame(await flips(root, text), key, (at) => isNamed(at) ? null : false);
  }
});

pythonTest("both refuse an export with any byte changed that says something", async () => {
  await using proven = await createProven();
  const { root, directory, key, notes } = proven;
  const folder = `${root}/export`;
  const options = { source: { directory }, checkpoint: notes[10]!, output: "text" as const };
  // A period that ends in the middle cannot be cut by the clock, which stands still: the whole log is.
  await assert.rejects(runAuditExport({ ...options, folder }, new Terminal().io), /came later/);
  await runAuditExport(
    { ...options, checkpoint: notes[12]!, folder, until: Date.now() },
    new Terminal().io,
  );
  await expectSame([folder], key, true);
  const proof = await Deno.readFile(`${folder}/proof.json`);
  const records = await Deno.readFile(`${folder}/records.jsonl`);
  const paths: string[] = [];
  const put = (proof: Uint8Array, records: Uint8Array) => {
    const path = `${root}/export-${paths.length}`;
    Deno.mkdirSync(path);
    Deno.writeFileSync(`${path}/proof.json`, proof);
    Deno.writeFileSync(`${path}/records.jsonl`, records);
    paths.push(path);
  };
  const flip = (bytes: Uint8Array, at: number) => bytes.with(at, bytes[at]! ^ (1 << (at % 7)));
  for (let at = 0; at < records.length; at += 7) put(proof, flip(records, at));
  const flipped = paths.length;
  for (let at = 0; at < proof.length; at += 2) put(flip(proof, at), records);
  await expectSame(paths, key, (at) => at < flipped ? false : null);
});
