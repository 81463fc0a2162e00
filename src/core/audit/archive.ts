/** Follows a log in the archive: one version of each object, no delete marker, no gap, all signed. */
import { InvalidInputError, RefusedError } from "../../errors.ts";
import { decodeUtf8 } from "../encoding.ts";
import type { Anchors } from "./anchors.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { concatBytes } from "./lines.ts";
import { parseShippedKey, type ShippedName, trimSlashes } from "./segment.ts";
import type { Archive } from "./shipping.ts";
import {
  AuditDamageError,
  emptyLog,
  followSegment,
  type LogState,
  type VisitRecord,
} from "./verify.ts";

const MAX_CHECKPOINT_BYTES = 16_384;

export interface ArchivePlace {
  /** May be empty. */
  readonly prefix: string;
  /** Needed when the prefix holds the logs of several connectors. */
  readonly chainId: string | null;
  /** The key that the log must be of; null for whichever its genesis record names. */
  readonly publicKey: Uint8Array | null;
}

interface ArchivedObject extends ShippedName {
  readonly key: string;
}

/** @throws AuditDamageError with the exact place */
export async function followArchive(
  archive: Archive,
  place: ArchivePlace,
  anchors: Anchors,
  visit: VisitRecord,
): Promise<LogState> {
  const objects = await listObjects(archive, place);
  const checkpoints = new Map(
    objects.filter(({ kind }) => kind === "checkpoint").map((object) => [object.key, object]),
  );
  let state = emptyLog(place.publicKey);
  for (const segment of objects.filter(({ kind }) => kind === "jsonl")) {
    const checkpointKey = segment.key.replace(/jsonl$/, "checkpoint");
    if (!checkpoints.delete(checkpointKey)) throw damaged(checkpointKey, "it is missing");
    anchors.add(await readAnchor(archive, checkpointKey, segment.lastSequence));
    const end = await followSegment(state, segment.key, segment, archive.get(segment.key), visit);
    const { sequence } = end.state.head;
    if (end.torn !== null) throw damaged(segment.key, "expected a line feed at the end");
    if (sequence !== segment.lastSequence || end.state.sealedBy === null) {
      throw damaged(
        segment.key,
        `expected a seal as record ${segment.lastSequence}; the segment ends with record ${sequence}`,
      );
    }
    state = end.state;
  }
  for (const key of checkpoints.keys()) throw damaged(key, "the segment beside it is missing");
  return state;
}

async function listObjects(archive: Archive, place: ArchivePlace): Promise<ArchivedObject[]> {
  const { chainId } = place;
  const prefix = trimSlashes(place.prefix);
  const folder = [prefix, chainId ?? ""].filter((part) => part !== "").map((part) => `${part}/`);
  const objects: ArchivedObject[] = [];
  const chains = new Set<string>();
  for await (const { key, versionId, isDeleteMarker } of archive.versions(folder.join(""))) {
    const name = parseShippedKey(prefix, key);
    if (!name) {
      if (chainId === null) continue;
      throw damaged(key, "no connector writes an object of this name");
    }
    if (isDeleteMarker) throw damaged(key, `it was deleted: delete marker ${versionId}`);
    if (objects.at(-1)?.key === key) {
      throw damaged(key, `expected one version, found another: ${versionId}`);
    }
    objects.push({ ...name, key });
    chains.add(name.chainId);
  }
  if (objects.length === 0) {
    throw new RefusedError("not_found", `There is no audit log under ${folder.join("") || "/"}`);
  }
  if (chains.size > 1) {
    throw new InvalidInputError(
      "malformed_request",
      `There are logs of ${chains.size} chains: ${[...chains].join(", ")}`,
      { hint: "choose one of them" },
    );
  }
  return objects.sort((a, b) =>
    a.firstSequence - b.firstSequence || a.lastSequence - b.lastSequence
  );
}

async function readAnchor(archive: Archive, key: string, size: number) {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of archive.get(key)) {
    bytes += chunk.length;
    if (bytes > MAX_CHECKPOINT_BYTES) throw damaged(key, "it is too large for a checkpoint");
    chunks.push(chunk);
  }
  try {
    const note = decodeUtf8(concatBytes(chunks));
    const found = readCheckpoint(note).size;
    if (found === size) return { label: key, note };
    throw new Error(`expected a checkpoint after ${size} records, found one after ${found}`);
  } catch (error) {
    throw damaged(key, (error as Error).message);
  }
}

function damaged(file: string, problem: string): AuditDamageError {
  return new AuditDamageError({ file, line: null, sequence: null }, problem);
}
