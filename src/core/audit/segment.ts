/** Segments: how the log is cut into files, by sequence, within days of UTC that never go backwards. */
import type { AuditEntry } from "../audit.ts";
import { encodeBase64 } from "../encoding.ts";
import { chainIdOf } from "./chain.ts";

export const LOG_FORMAT = "neuralops.io/audit/v1";
export const GENESIS = "audit.genesis";
export const DAY_OPENED = "audit.day_opened";
export const DAY_SEALED = "audit.day_sealed";
/** A day that grew too large for one file goes on in another. */
export const SEGMENT_OPENED = "audit.segment_opened";
export const SEGMENT_SEALED = "audit.segment_sealed";

const BOUNDARIES = new Set([GENESIS, DAY_OPENED, DAY_SEALED, SEGMENT_OPENED, SEGMENT_SEALED]);
const FILE_NAME = /^(\d{20})-(\d{4})(\d{2})(\d{2})\.jsonl$/;
const SHIPPED_KEY = /^([0-9a-f]{64})\/(\d{4}-\d{2}-\d{2})\/(\d{20})-(\d{20})\.(jsonl|checkpoint)$/;
const ACTOR = "connector";

export interface SegmentName {
  readonly firstSequence: number;
  /** UTC, `2026-11-22`. */
  readonly day: string;
}

/** Only the log itself writes these. */
export function isBoundary(type: string): boolean {
  return BOUNDARIES.has(type);
}

const DAY_MS = 86_400_000;
let lastDay = { number: NaN, day: "" };

export function dayOf(timeMs: number): string {
  const number = Math.floor(timeMs / DAY_MS);
  // Asked for each write, and nearly always of the same day.
  if (number !== lastDay.number) {
    lastDay = { number, day: new Date(timeMs).toISOString().slice(0, 10) };
  }
  return lastDay.day;
}

/** Midnight at the beginning of a day, epoch ms. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** Midnight at the end of a day, epoch ms. */
export function endOfDay(day: string): number {
  return startOfDay(day) + DAY_MS;
}

/** The day that the log is in by this clock: never before the newest segment's, and never one that is sealed. */
export function dayByClock(
  timeMs: number,
  newest: { readonly day: string | null; readonly sealedBy: string | null },
): string {
  const today = dayOf(timeMs);
  const { day, sealedBy } = newest;
  if (day === null || today > day) return today;
  return sealedBy === DAY_SEALED ? dayOf(endOfDay(day)) : day;
}

export function padSequence(sequence: number): string {
  return String(sequence).padStart(20, "0");
}

export function segmentFileName({ firstSequence, day }: SegmentName): string {
  return `${padSequence(firstSequence)}-${day.replaceAll("-", "")}.jsonl`;
}

/** null for a file that is no segment. */
export function parseSegmentFileName(fileName: string): SegmentName | null {
  const parts = FILE_NAME.exec(fileName);
  if (!parts) return null;
  const [, first, year, month, day] = parts;
  return { firstSequence: Number(first), day: `${year}-${month}-${day}` };
}

export function genesisEntry(publicKey: Uint8Array, day: string): AuditEntry {
  const chain = chainIdOf(publicKey);
  const data = { format: LOG_FORMAT, chain, publicKey: encodeBase64(publicKey), day };
  return { type: GENESIS, actor: ACTOR, subject: chain, data };
}

/**
 * The first record of a segment. Days between `previousDay` and `day` had no record at all:
 * this record, linked to the one before, is the proof.
 */
export function openedEntry(day: string, previousDay: string): AuditEntry {
  const type = day === previousDay ? SEGMENT_OPENED : DAY_OPENED;
  return { type, actor: ACTOR, subject: day, data: { day, previousDay } };
}

/** The last record of a segment. `records` counts the segment's records, this one included. */
export function sealedEntry(
  name: SegmentName,
  lastSequence: number,
  dayIsOver: boolean,
): AuditEntry {
  const { day, firstSequence } = name;
  const records = lastSequence - firstSequence + 1;
  const type = dayIsOver ? DAY_SEALED : SEGMENT_SEALED;
  return { type, actor: ACTOR, subject: day, data: { day, firstSequence, records } };
}

export function trimSlashes(prefix: string): string {
  return prefix.replaceAll(/^\/+|\/+$/g, "");
}

/** `<prefix>/<chain id>/<day>/<first>-<last>`, to which `.jsonl` or `.checkpoint` is added. */
export function shippedKey(
  prefix: string,
  chainId: string,
  segment: SegmentName & { readonly lastSequence: number },
): string {
  const { day, firstSequence, lastSequence } = segment;
  const folder = [trimSlashes(prefix), chainId, day].filter((part) => part !== "").join("/");
  return `${folder}/${padSequence(firstSequence)}-${padSequence(lastSequence)}`;
}

export interface ShippedName extends SegmentName {
  readonly chainId: string;
  readonly lastSequence: number;
  readonly kind: "jsonl" | "checkpoint";
}

/** What a key under `<prefix>/` stands for; null for one that no connector writes. */
export function parseShippedKey(prefix: string, key: string): ShippedName | null {
  const folder = trimSlashes(prefix);
  const start = folder === "" ? "" : `${folder}/`;
  const parts = key.startsWith(start) ? SHIPPED_KEY.exec(key.slice(start.length)) : null;
  if (!parts) return null;
  const [, chainId, day, first, last, kind] = parts;
  return {
    chainId: chainId!,
    day: day!,
    firstSequence: Number(first),
    lastSequence: Number(last),
    kind: kind as "jsonl" | "checkpoint",
  };
}
