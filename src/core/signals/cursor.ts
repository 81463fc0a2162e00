/**
 * How far a query is settled. Every grid point up to `acknowledgedMs` was acknowledged by the receiver, as
 * data or as a gap; it moves forward only. `ahead` is what was acknowledged beyond it, where fresh data went
 * before history: what lies between is still to be sent. A span that a hole no longer parts from
 * `acknowledgedMs` becomes part of it.
 *
 * When a query's expression or step changes, its cursor stays: the new grid's points outside of what is
 * acknowledged come next. Time between two points belongs to the later one; none is left out, and none is sent
 * twice but where a span ahead begins.
 */
import * as z from "zod";
import { StalledError } from "../../errors.ts";
import { encodeUtf8, sha256Hex } from "../encoding.ts";
import { joinSpans, pointAfter, pointBefore, type Span } from "./spans.ts";
import { alignDown, alignUp } from "./windows.ts";

/** An outage while history is still being sent adds one. */
export const MAX_AHEAD = 64;

const common = {
  query: z.string(),
  exprFingerprint: z.string().regex(/^[0-9a-f]{64}$/).describe("SHA-256 of the PromQL text"),
  stepMs: z.int().min(1),
  acknowledgedMs: z.int().describe("epoch ms, UTC; before the epoch only when nothing was sent"),
};
const CursorV1 = z.strictObject({ schema: z.literal("neuralops.io/cursor/v1"), ...common });
const CursorV2 = z.strictObject({
  schema: z.literal("neuralops.io/cursor/v2"),
  ...common,
  ahead: z.array(z.strictObject({ startMs: z.int(), endMs: z.int() })).max(MAX_AHEAD)
    .describe("inclusive; in order, disjoint, beyond acknowledgedMs"),
  rereadMs: z.int().nullable()
    .describe("up to here nothing has to be asked once more; null while signals.reread is off"),
}).refine(({ acknowledgedMs, ahead }) =>
  ahead.every(({ startMs, endMs }, index) =>
    startMs <= endMs && startMs > (ahead[index - 1]?.endMs ?? acknowledgedMs)
  )
);
const CursorFile = z.union([
  CursorV2,
  CursorV1.transform((old): Cursor => ({
    ...old,
    schema: "neuralops.io/cursor/v2",
    ahead: [],
    rereadMs: null,
  })),
]);

export type Cursor = Readonly<z.infer<typeof CursorV2>>;

export const MAX_CURSOR_BYTES = 8192;

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
    schema: "neuralops.io/cursor/v2",
    query: query.name,
    exprFingerprint: sha256Hex(query.expr),
    stepMs,
    acknowledgedMs: firstPointMs - stepMs,
    ahead: [],
    rereadMs: null,
  };
}

/**
 * The same position under the query as it is configured now. What was sent under another expression or
 * step is not asked once more.
 */
export function continueCursor(cursor: Cursor, query: CursorQuery): Cursor {
  const exprFingerprint = sha256Hex(query.expr);
  const { stepMs } = query;
  const isSame = exprFingerprint === cursor.exprFingerprint && stepMs === cursor.stepMs;
  const rereadMs = isSame || cursor.rereadMs === null ? cursor.rereadMs : newestPoint(cursor);
  return { ...toStep(cursor, stepMs), exprFingerprint, rereadMs };
}

/** Everything in the span is acknowledged now, and what was before still is. */
export function acknowledge(cursor: Cursor, { startMs, endMs }: Span): Cursor {
  if (endMs < startMs) {
    throw new RangeError(`A span of ${cursor.query} ends before it begins`);
  }
  return settle(cursor, [...cursor.ahead, { startMs, endMs }]);
}

/** What either of two acknowledged. The rest is the first one's. */
export function uniteCursors(cursor: Cursor, other: Cursor): Cursor {
  const theirs = toStep(other, cursor.stepMs);
  const acknowledgedMs = Math.max(cursor.acknowledgedMs, theirs.acknowledgedMs);
  return settle({ ...cursor, acknowledgedMs }, [...cursor.ahead, ...theirs.ahead]);
}

/** The first grid point that is not acknowledged yet. */
export function nextPoint(cursor: Cursor): number {
  return pointAfter(cursor.acknowledgedMs, cursor.stepMs);
}

/** The newest time that is acknowledged. */
export function newestPoint({ acknowledgedMs, ahead }: Cursor): number {
  return ahead.at(-1)?.endMs ?? acknowledgedMs;
}

/** What is not acknowledged before the newest that is; first and last grid point of each, oldest first. */
export function holesOf({ acknowledgedMs, ahead, stepMs }: Cursor): Span[] {
  return ahead.map(({ startMs }, index) => ({
    startMs: pointAfter(ahead[index - 1]?.endMs ?? acknowledgedMs, stepMs),
    endMs: pointBefore(startMs, stepMs),
  }));
}

/**
 * Whether all of the span's time is acknowledged. Time between two grid points belongs to the later one, so
 * that this holds for spans of another step too.
 */
export function isAcknowledged(cursor: Cursor, { startMs, endMs }: Span): boolean {
  for (let timeMs = startMs; timeMs <= endMs;) {
    const passedMs = settledFrom(cursor, timeMs) ??
      settledFrom(cursor, alignUp(timeMs, cursor.stepMs));
    if (passedMs === null) return false;
    timeMs = passedMs + 1;
  }
  return true;
}

/** The end of the acknowledged stretch that holds a time; null when none does. */
function settledFrom({ acknowledgedMs, ahead }: Cursor, timeMs: number): number | null {
  if (timeMs <= acknowledgedMs) return acknowledgedMs;
  return ahead.find(({ startMs, endMs }) => startMs <= timeMs && timeMs <= endMs)?.endMs ?? null;
}

/** The end of a hole belongs to a point of the new grid; where a span has that point, the span begins later. */
function toStep(cursor: Cursor, stepMs: number): Cursor {
  if (stepMs === cursor.stepMs) return cursor;
  const ahead = holesOf(cursor).map((hole, index) => {
    const { startMs, endMs } = cursor.ahead[index]!;
    return { startMs: Math.max(startMs, alignUp(hole.endMs, stepMs) + 1), endMs };
  });
  return settle({ ...cursor, stepMs }, ahead.filter(({ startMs, endMs }) => startMs <= endMs));
}

function settle(cursor: Cursor, spans: readonly Span[]): Cursor {
  let { acknowledgedMs } = cursor;
  const ahead = joinSpans(spans, cursor.stepMs);
  while (ahead.length > 0 && ahead[0]!.startMs <= pointAfter(acknowledgedMs, cursor.stepMs)) {
    acknowledgedMs = Math.max(acknowledgedMs, ahead.shift()!.endMs);
  }
  // To forget what was acknowledged costs sending it again. The newest says where fresh data go on.
  while (ahead.length > MAX_AHEAD) ahead.splice(shortest(ahead.slice(0, -1)), 1);
  return { ...cursor, acknowledgedMs, ahead };
}

function shortest(spans: readonly Span[]): number {
  const lengths = spans.map(({ startMs, endMs }) => endMs - startMs);
  return lengths.indexOf(Math.min(...lengths));
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
