/** The sealed segments on the disk, what was shipped of them, and their removal from the old end. */
import * as z from "zod";
import { chainIdOf } from "../core/audit/chain.ts";
import { type CheckpointSigner, signCheckpoint } from "../core/audit/checkpoint.ts";
import { concatBytes } from "../core/audit/lines.ts";
import type { SealedSegment, SegmentStore, Shipment } from "../core/audit/shipping.ts";
import { AuditDamageError, followSegment, type LogState } from "../core/audit/verify.ts";
import { encodeUtf8 } from "../core/encoding.ts";
import { RefusedError } from "../errors.ts";
import type { Files } from "../runtime.ts";
import {
  joinPath,
  listSegments,
  readChunks,
  type StoredSegment,
  writeBase,
} from "./audit_recovery.ts";

const MARKER_SUFFIX = ".shipped";
const MAX_MARKER_BYTES = 8192;

const ShipmentSchema = z.strictObject({
  key: z.string(),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  shippedAtMs: z.int().min(0),
  retainedUntilMs: z.int().min(0).optional(),
});

interface Options {
  readonly files: Files;
  readonly directory: string;
  readonly signer: CheckpointSigner;
}

type Entry = StoredSegment & { readonly shipment: Shipment | null };

export class SealedSegments implements SegmentStore {
  readonly chainId: string;

  private constructor(private readonly options: Options, private entries: readonly Entry[]) {
    this.chainId = chainIdOf(options.signer.publicKey);
  }

  /** @param base end of what was removed; what a crash left of that is removed now */
  static async load(
    options: Options,
    base: LogState,
    stored: readonly StoredSegment[],
  ): Promise<SealedSegments> {
    const { files, directory } = options;
    for (const { fileName, name } of await listSegments(files, directory)) {
      if (name.firstSequence > base.head.sequence) continue;
      if (await readMarker(options, fileName)) await removeFiles(options, fileName);
    }
    const entries: Entry[] = [];
    for (const segment of stored) {
      entries.push({ ...segment, shipment: await readMarker(options, segment.fileName) });
    }
    return new SealedSegments(options, entries);
  }

  add(segment: StoredSegment): void {
    this.entries = [...this.entries, { ...segment, shipment: null }];
  }

  list(): readonly SealedSegment[] {
    return this.entries.map(({ fileName, name, end, shipment }) => ({
      fileName,
      ...name,
      lastSequence: end.state.head.sequence,
      shipment,
    }));
  }

  async read(fileName: string): Promise<Uint8Array<ArrayBuffer>> {
    const { name, before, end } = this.#find(fileName);
    const chunks: Uint8Array[] = [];
    const path = joinPath(this.options.directory, fileName);
    const found = await followSegment(
      before,
      fileName,
      name,
      keep(this.options.files, path, chunks),
    );
    if (found.torn !== null || found.state.head.hash !== end.state.head.hash) {
      throw new AuditDamageError(
        { file: fileName, line: null, sequence: end.state.head.sequence },
        `expected the segment to end with the hash ${end.state.head.hash}, found ${found.state.head.hash}`,
      );
    }
    return concatBytes(chunks);
  }

  checkpoint(fileName: string): Promise<string> {
    return signCheckpoint(this.#find(fileName).end.state.head.tree, this.options.signer);
  }

  async markShipped(fileName: string, shipment: Shipment): Promise<void> {
    const marker = encodeUtf8(JSON.stringify(shipment) + "\n");
    await this.options.files.replaceDurably(markerPath(this.options, fileName), marker);
    this.entries = this.entries.map((entry) =>
      entry.fileName === fileName ? { ...entry, shipment } : entry
    );
  }

  async removeOldest(fileName: string): Promise<void> {
    const [oldest, ...rest] = this.entries;
    if (oldest?.fileName !== fileName || oldest.shipment === null) {
      throw new RefusedError("audit_broken", `${fileName} is not the oldest shipped segment`);
    }
    await writeBase(this.options.files, this.options.directory, oldest.end.state);
    this.entries = rest;
    await removeFiles(this.options, fileName);
  }

  #find(fileName: string): Entry {
    const entry = this.entries.find((candidate) => candidate.fileName === fileName);
    if (!entry) throw new RefusedError("not_found", `There is no sealed segment ${fileName}`);
    return entry;
  }
}

async function* keep(files: Files, path: string, chunks: Uint8Array[]) {
  for await (const chunk of readChunks(files, path)) {
    chunks.push(chunk);
    yield chunk;
  }
}

function markerPath({ directory }: Options, fileName: string): string {
  return joinPath(directory, fileName + MARKER_SUFFIX);
}

/** The marker goes last: without it a left-over segment would not be known as shipped. */
async function removeFiles(options: Options, fileName: string): Promise<void> {
  await options.files.remove(joinPath(options.directory, fileName));
  await options.files.remove(markerPath(options, fileName));
}

/** A marker that cannot be read counts as none: shipping once more finds the same object there. */
async function readMarker(options: Options, fileName: string): Promise<Shipment | null> {
  const bytes = await options.files.read(markerPath(options, fileName), MAX_MARKER_BYTES);
  try {
    return bytes && ShipmentSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}
