/** A log of some days, the upload of it, and the command that verifies what came of that. */
import type { S3Archive } from "../../../src/adapters/s3.ts";
import { runAuditVerify } from "../../../src/cli/audit.ts";
import { JsonLogger, SecretMask } from "../../../src/log.ts";
import { type AuditUploadOptions, shipSealed } from "../../../src/loops/audit_upload.ts";
import { systemRandom } from "../../../src/runtime_deno.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../../fakes/audit.ts";

const DAY_MS = 86_400_000;
const FOREVER = new AbortController().signal;

/** Ships days of a log that lives as long as the work. */
export async function shipDays(
  store: S3Archive,
  { days, entries = 1 }: { days: number; entries?: number },
  work: (ship: () => Promise<void>, fixture: AuditFixture) => Promise<void>,
): Promise<void> {
  await using fixture = await createAuditFixture();
  const { clock, health, metrics } = fixture;
  const log = new JsonLogger(clock, () => {}, "error", new SecretMask());
  const audit = await fixture.open();
  try {
    for (let day = 0; day < days; day += 1) {
      for (let entry = 0; entry < entries; entry += 1) await audit.record(createEntry(entry));
      clock.advance(DAY_MS);
    }
    const fixed = { audit, store, clock, random: systemRandom, health, log, metrics };
    const options: AuditUploadOptions = {
      ...fixed,
      prefix: "audit",
      retentionMs: 3650 * DAY_MS,
      keepLocalMs: 30 * DAY_MS,
    };
    await work(() => shipSealed(options, FOREVER), fixture);
  } finally {
    await audit.close();
  }
}

export async function verify(archive: S3Archive): Promise<{ code: number; words: string }> {
  const words: string[] = [];
  const keep = (line: string) => void words.push(line);
  const code = await runAuditVerify({
    source: { archive, prefix: "audit", chainId: null },
    checkpoints: [],
    output: "text",
  }, {
    print: keep,
    printError: keep,
    readFile: (path) => Deno.readFile(path),
    files: systemFiles,
  });
  return { code, words: words.join("\n") };
}
