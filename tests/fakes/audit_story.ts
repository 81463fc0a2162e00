/**
 * A log's whole life in which the disk fails or the process dies at any one step: several writers, a
 * segment that grows full, a day that turns, sealing, shipping, removal, and the recovery itself.
 */
import assert from "node:assert/strict";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import type { AuditRecord } from "../../src/core/audit/record.ts";
import { ConnectorError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type AuditFixture, createEntry } from "./audit.ts";

const DAY_MS = 86_400_000;
/** A segment is full after the first few. */
const SEGMENT_BYTES = 2200;
const SHIPMENT = { key: "k", bytes: 1, sha256: "0".repeat(64), shippedAtMs: 1 };

export interface Witness {
  /** Indexes of the records that a caller was told are safe. */
  readonly acknowledged: number[];
  /** What a caller was refused; it may be in the log all the same. */
  readonly refused: number[];
}

/** @param alive false once the process has died: nothing that is thrown afterwards matters */
export async function liveAndShip(
  fixture: AuditFixture,
  files: Files,
  witness: Witness,
  alive: () => boolean,
): Promise<void> {
  const expected = (error: unknown) => {
    if (alive() && !isDiskFault(error)) throw error;
  };
  const log = await fixture.open(files, SEGMENT_BYTES).catch(expected);
  if (!log) return;
  let index = witness.acknowledged.length + witness.refused.length;
  const write = async () => {
    const mine = index++;
    try {
      await log.record(createEntry(mine));
      if (alive()) witness.acknowledged.push(mine);
    } catch (error) {
      expected(error);
      witness.refused.push(mine);
    }
  };
  for (let round = 0; round < 3; round++) await Promise.all([write(), write(), write()]);
  await log.seal().catch(expected);
  await write();
  fixture.clock.advance(DAY_MS);
  await log.rotate().catch(expected);
  await write();
  try {
    for (const { fileName, shipment } of log.segments.list().slice(0, 2)) {
      await log.segments.read(fileName);
      if (shipment === null) await log.segments.markShipped(fileName, SHIPMENT);
      await log.segments.removeOldest(fileName);
    }
  } catch (error) {
    expected(error);
  }
  await write();
  if (alive()) await log.close();
}

function isDiskFault(error: unknown): boolean {
  if (error instanceof ConnectorError) return error.code !== "audit_broken";
  return error instanceof Error && error.message.startsWith("EIO");
}

/**
 * Opens the log on a disk that is well again and holds it against what the callers were told.
 * @param tornEarlier what was behind the last line feed some time before, so must be on record afterwards
 */
export async function assertNothingLost(
  fixture: AuditFixture,
  witness: Witness,
  tornEarlier = 0,
): Promise<void> {
  const tornBefore = Math.max(tornEarlier, await tornBytes(fixture));
  const log = await fixture.open(systemFiles, SEGMENT_BYTES);
  await log.record(createEntry(-1));
  const { size } = await log.checkpoint();
  await log.close();
  const { directory, signer } = fixture;
  const records: AuditRecord[] = [];
  const { base, state } = await followDirectory(
    systemFiles,
    directory,
    signer.publicKey,
    (record) => records.push(record),
  );
  assert.equal(state.head.sequence, size);
  const removed = base.head.sequence;
  const found = records.filter(({ type }) => type === "execution.applying")
    .map(({ data }) => data.index as number);
  assert.equal(new Set(found).size, found.length, "a record is there twice");
  const first = Math.min(...found.filter((index) => index >= 0), Infinity);
  const lost = witness.acknowledged.filter((index) =>
    !found.includes(index) && !(removed > 0 && index < first)
  );
  assert.deepEqual(lost, [], "acknowledged, and not there");
  if (tornBefore > 0 && removed === 0) {
    const trimmed = records.filter(({ type }) => type === "audit.recovered")
      .map(({ data }) => data.trimmedBytes as number);
    const told = trimmed.some((bytes) => bytes >= tornBefore);
    assert.ok(told, `${tornBefore} bytes were cut off, on record are ${trimmed.join(", ")}`);
  }
}

export async function tornBytes({ directory }: AuditFixture): Promise<number> {
  const name = (await systemFiles.list(directory)).findLast((one) => one.endsWith(".jsonl"));
  if (name === undefined) return 0;
  const bytes = await Deno.readFile(`${directory}/${name}`);
  return bytes.length - bytes.lastIndexOf(10) - 1;
}
