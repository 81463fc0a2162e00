/** Writes a long log fast: the very bytes that the connector would write, without waiting for the disk. */
import { hash } from "node:crypto";
import { createSigner, entryOf } from "./log.ts";
import { chainIdOf } from "../../../src/core/audit/chain.ts";
import { signCheckpoint } from "../../../src/core/audit/checkpoint.ts";
import { concatBytes } from "../../../src/core/audit/lines.ts";
import { EMPTY_TREE } from "../../../src/core/audit/merkle.ts";
import { addLeaves } from "../../../src/core/audit/verify.ts";
import type { AuditEntry } from "../../../src/core/audit.ts";
import { encodeRecord, prepareEntry } from "../../../src/core/audit/record.ts";
import {
  genesisEntry,
  openedEntry,
  sealedEntry,
  segmentFileName,
} from "../../../src/core/audit/segment.ts";

const DAY = "2026-11-22";
const START_MS = Date.parse(`${DAY}T00:00:00Z`);
const SEGMENT_BYTES = 16 << 20;

export interface WrittenLog {
  readonly directory: string;
  readonly records: number;
  readonly bytes: number;
  /** Paths of signed checkpoints, one for each segment's end. */
  readonly notes: readonly string[];
}

/** @param directory made here */
export async function writeLongLog(directory: string, records: number): Promise<WrittenLog> {
  await Deno.mkdir(directory, { recursive: true });
  const signer = await createSigner();
  const { publicKey } = signer;
  const notes: string[] = [];
  const leaves: Uint8Array[] = [];
  let tree = EMPTY_TREE;
  let prev = chainIdOf(publicKey);
  let sequence = 0;
  let bytes = 0;
  let parts: Uint8Array[] = [];
  let size = 0;
  let first = 1;
  const add = (line: Uint8Array) => {
    parts.push(line);
    size += line.length;
  };
  const addOwn = (entry: AuditEntry) => {
    const { line, leafHash } = encodeRecord(entry, { seq: ++sequence, timeMs: START_MS, prev });
    prev = leafHash.toHex();
    leaves.push(leafHash);
    add(line);
  };
  const flush = async () => {
    const file = `${directory}/${segmentFileName({ firstSequence: first, day: DAY })}`;
    await Deno.writeFile(file, concatBytes(parts));
    tree = addLeaves(tree, concatBytes(leaves.splice(0)));
    notes.push(`${directory}/note-${sequence}`);
    await Deno.writeTextFile(notes.at(-1)!, await signCheckpoint(tree, signer));
    bytes += size;
    [parts, size, first] = [[], 0, sequence + 1];
  };
  addOwn(genesisEntry(publicKey, DAY));
  const { start, subject, quotedType } = prepareEntry(entryOf(7));
  const encoder = new TextEncoder();
  while (sequence < records) {
    sequence += 1;
    const end =
      `"prev":"${prev}","seq":${sequence},"subject":${subject},"timeMs":${START_MS},"type":${quotedType}}`;
    prev = hash("sha256", `\0${start}${end}`, "hex");
    leaves.push(Uint8Array.fromHex(prev));
    add(encoder.encode(`${start}"hash":"${prev}",${end}\n`));
    if (size < SEGMENT_BYTES || sequence >= records) continue;
    addOwn(sealedEntry({ firstSequence: first, day: DAY }, sequence + 1, false));
    await flush();
    addOwn(openedEntry(DAY, DAY));
  }
  await flush();
  return { directory, records: sequence, bytes, notes };
}
