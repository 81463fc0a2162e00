/**
 * How far a query is settled: every grid point up to `acknowledgedMs` was acknowledged by the
 * receiver, as data or as a gap. It moves forward only.
 *
 * When a query's expression or step changes, its cursor stays: the new grid's first point after
 * `acknowledgedMs` comes next. No time is sent twice, and none is left out.
 */
import * as z from "zod";
import { StalledError } from "../../errors.ts";
import { encodeUtf8, sha256Hex } from "../encoding.ts";
import { alignDown, alignUp } from "./windows.ts";

const CursorFile = z.strictObject({
  schema: z.literal("neuralops.io/cursor/v1"),
  query: z.string(),
  exprFingerprint: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the PromQL text"),
  stepMs: z.int().min(1),
  acknowledgedMs: z.int().describe("epoch ms, UTC; before the epoch only when nothing was sent"),
});

export type Cursor = Readonly<z.infer<typeof CursorFile>>;

export const MAX_CURSOR_BYTES = 4096;

export interface CursorQuery {
  readonly name: string;
  readonly expr: string;
  readonly stepMs: number;
}

/** The cursor of a query that has never run. MUST be saved before the first window is asked for. */
export function firstCursor(query: CursorQuery, nowMs: number, startFromMs: number): Cursor {
  const { stepMs } = query;
  const firstPointMs = Math.max(0, alignDown(nowMs - startFromMs, stepMs));
  return {
    schema: "neuralops.io/cursor/v1",
    query: query.name,
    exprFingerprint: sha256Hex(query.expr),
    stepMs,
    acknowledgedMs: firstPointMs - stepMs,
  };
}

/** The same position under the query as it is configured now. */
export function continueCursor(cursor: Cursor, query: CursorQuery): Cursor {
  return { ...cursor, exprFingerprint: sha256Hex(query.expr), stepMs: query.stepMs };
}

/** Throws RangeError when asked to move back: that is a bug, never a state. */
export function advanceCursor(cursor: Cursor, acknowledgedMs: number): Cursor {
  if (acknowledgedMs < cursor.acknowledgedMs) {
    throw new RangeError(
      `Cursor of ${cursor.query} cannot move back from ${cursor.acknowledgedMs} to ${acknowledgedMs}`,
    );
  }
  return { ...cursor, acknowledgedMs };
}

/** The first grid point that is not acknowledged yet. */
export function nextPoint(cursor: Cursor): number {
  return Math.max(0, alignUp(cursor.acknowledgedMs + 1, cursor.stepMs));
}

export function encodeCursor(cursor: Cursor): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify(cursor) + "\n");
}

/** Throws StalledError `state_damaged`: a cursor that cannot be read is never taken for a new one. */
export function parseCursor(text: string, query: string, path: string): Cursor {
  const parsed = CursorFile.safeParse(parseJson(text));
  if (parsed.success && parsed.data.query === query) return parsed.data;
  throw new StalledError("state_damaged", `Cannot read the cursor of query ${query} in ${path}`, {
    hint: "restore the file from a backup; or delete it to begin again signals.startFrom before " +
      "now, which leaves the time in between unsent",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
