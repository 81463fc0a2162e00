/** Two verifiers that share no code find the same faults in the same places. */
import assert from "node:assert/strict";
import { runAuditVerify } from "../../src/cli/audit.ts";
import { createAuditFixture } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";
import { type PythonOptions, pythonTest, type Verdict, verifyInPython } from "./python.ts";
import {
  cutTails,
  flippedBytes,
  type LogFiles,
  movedFiles,
  movedRecords,
  type Variant,
} from "./variants.ts";

const DAY_MS = 86_400_000;

interface SmallLog extends AsyncDisposable {
  readonly root: string;
  readonly files: LogFiles;
  readonly options: Required<PythonOptions>;
}

/**
 * Some days, the first of them in two files; texts and numbers of every kind; a checkpoint of its end. As small as
 * can be, as each of its bytes is a log to verify.
 */
async function createLog(days = 3): Promise<SmallLog> {
  const fixture = await createAuditFixture();
  const log = await fixture.open(undefined, 600);
  const numbers = {
    a: 1e21,
    b: 1e-7,
    c: 0.1,
    d: -5,
    e: 123456789012345680000,
    f: 5e-324,
    g: -1.5e300,
  };
  const data = { ...numbers, text: '\u2028"\\\u0007ü😀' };
  await log.record({
    type: "a.b",
    actor: "x",
    subject: "",
    data: { ...data, "\ud83d\ude00": null, "\uffee": true },
  });
  for (let day = 0; day < days; day++) {
    await log.record({ type: "a.b", actor: "x", subject: `${day}`, data: { é: [`${day}`] } });
    if (day < days - 1) fixture.clock.advance(DAY_MS);
  }
  const { note } = await log.checkpoint();
  await log.close();
  const root = fixture.directory.replace(/\/audit$/, "");
  const files = new Map<string, Uint8Array>();
  for (const name of [...Deno.readDirSync(fixture.directory)].map(({ name }) => name).sort()) {
    if (name.endsWith(".jsonl")) {
      files.set(name, await Deno.readFile(`${fixture.directory}/${name}`));
    }
  }
  const options = { publicKey: `${root}/key`, checkpoint: `${root}/note` };
  await Deno.writeTextFile(options.publicKey, fixture.signer.publicKey.toBase64());
  await Deno.writeTextFile(options.checkpoint, note);
  return { root, files, options, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

async function ours(directory: string, options: PythonOptions): Promise<Verdict> {
  const terminal = new Terminal();
  await runAuditVerify({
    source: { directory },
    checkpoints: options.checkpoint === undefined ? [] : [options.checkpoint],
    publicKey: options.publicKey,
    output: "json",
  }, terminal.io);
  return JSON.parse(terminal.output);
}

const placeOf = ({ ok, code, file, line, sequence }: Verdict) => ({
  ok,
  code: code ?? null,
  file: file ?? null,
  line: line ?? null,
  sequence: sequence ?? null,
});

/** Both verdicts on each; files that did not change are links. */
async function judge(
  { root, files: whole }: SmallLog,
  variants: Iterable<Variant>,
  options: PythonOptions,
): Promise<{ what: string; ours: Verdict; python: Verdict }[]> {
  const folder = `${root}/variants-${crypto.randomUUID()}`;
  const [paths, names]: [string[], string[]] = [[], []];
  await Deno.mkdir(`${folder}/whole`, { recursive: true });
  for (const [name, bytes] of whole) await Deno.writeFile(`${folder}/whole/${name}`, bytes);
  for (const { what, files } of variants) {
    const path = `${folder}/${paths.length}`;
    Deno.mkdirSync(path);
    for (const [name, bytes] of files) {
      if (bytes === whole.get(name)) Deno.linkSync(`${folder}/whole/${name}`, `${path}/${name}`);
      else Deno.writeFileSync(`${path}/${name}`, bytes);
    }
    paths.push(path);
    names.push(what);
  }
  const judged = verifyInPython(paths, options); // in its process, while this one does the same
  const found: Verdict[] = [];
  for (const path of paths) found.push(await ours(path, options));
  const python = await judged;
  await Deno.remove(folder, { recursive: true });
  return names.map((what, at) => ({ what, ours: found[at]!, python: python[at]! }));
}

async function expectSame(
  log: SmallLog,
  variants: Iterable<Variant>,
  options: PythonOptions,
  mayHold: (what: string) => boolean = () => false,
): Promise<number> {
  const verdicts = await judge(log, variants, options);
  for (const { what, ours, python } of verdicts) {
    assert.deepEqual(placeOf(python), placeOf(ours), `${what}\n${python.message}\n${ours.message}`);
    assert.ok(!ours.ok || mayHold(what), `${what} was not noticed`);
  }
  return verdicts.length;
}

pythonTest("both verifiers say the same of a log that holds", async () => {
  await using log = await createLog();
  const [verdict] = await judge(log, [{ what: "whole", files: log.files }], log.options);
  const { keyGiven: _, firstDay: __, ...expected } = verdict!.ours;
  assert.deepEqual(verdict!.python, expected);
  assert.equal(expected.ok, true);
  assert.ok(log.files.size >= 4, "days and segments turn");
});

pythonTest("both find every flipped byte, in the same place", async () => {
  await using log = await createLog(2); // each kind of record and of seal is in it
  assert.equal(log.files.size, 3);
  const bytes = [...log.files.values()].reduce((sum, { length }) => sum + length, 0);
  assert.equal(await expectSame(log, flippedBytes(log.files), {}), bytes);
});

pythonTest(
  "both find every record that is gone, doubled or swapped, in the same place",
  async () => {
    await using log = await createLog();
    await expectSame(log, movedRecords(log.files), log.options);
  },
);

pythonTest(
  "both find every cut tail against a checkpoint, and every missing or renamed file",
  async () => {
    await using log = await createLog();
    await expectSame(log, cutTails(log.files), log.options);
    await expectSame(log, movedFiles(log.files), log.options);
    // Without the checkpoint a log that ends with a whole line is just shorter, and both say so.
    const last = [...log.files.values()].at(-1)!;
    await expectSame(log, cutTails(log.files), {}, (what) => {
      const length = /^cut to (\d+)/.exec(what)?.[1];
      return length === undefined ? /^the first [1-9]/.test(what) : last[Number(length) - 1] === 10;
    });
  },
);

pythonTest("both refuse another key, another log's checkpoint, and what is neither", async () => {
  await using log = await createLog();
  await using other = await createLog();
  const whole = [{ what: "whole", files: log.files }];
  await expectSame(log, whole, { publicKey: other.options.publicKey });
  await expectSame(log, whole, { checkpoint: other.options.checkpoint });
  const note = await Deno.readTextFile(log.options.checkpoint);
  const changed = `${log.root}/changed`;
  for (let at = 0; at < note.length; at += 60) {
    const character = String.fromCharCode(note.charCodeAt(at) ^ 1);
    await Deno.writeTextFile(changed, note.slice(0, at) + character + note.slice(at + 1));
    await expectSame(log, whole, { checkpoint: changed });
  }
  await expectSame(log, whole, { publicKey: changed });
});
