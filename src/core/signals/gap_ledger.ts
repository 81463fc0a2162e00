/**
 * The record of every span that could not be had whole, one JSON line each, in the order in which they were
 * found. A gap is on the disk before the cursor passes it; what it has not passed is still to be sent.
 */
import * as z from "zod";
import { StalledError } from "../../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../encoding.ts";
import { Gap } from "../protocol.ts";

const LedgerLine = z.strictObject({ schema: z.literal("neuralops.io/gap/v1"), ...Gap.shape });
const NEWLINE = 0x0a;
const MAX_DETAIL = 1000;

/** Reasons for which no data of the span is sent; for all others the gap goes beside the data. */
const WHOLE_LOSS: ReadonlySet<Gap["reason"]> = new Set(
  ["beyond_horizon", "source_error", "too_large", "series_limit"] as const,
);

export function isWholeLoss(gap: Gap): boolean {
  return WHOLE_LOSS.has(gap.reason);
}

export function makeGap(
  span: { readonly startMs: number; readonly endMs: number },
  reason: Gap["reason"],
  detail: string,
): Gap {
  const { startMs, endMs } = span;
  return { startMs, endMs, reason, detail: detail.slice(0, MAX_DETAIL).toWellFormed() };
}

export function encodeGaps(gaps: readonly Gap[]): Uint8Array<ArrayBuffer> {
  return encodeUtf8(
    gaps.map((gap) => JSON.stringify({ schema: "neuralops.io/gap/v1", ...gap }) + "\n").join(""),
  );
}

/** All that is open, and of the rest the newest lines, in their order: about so many bytes of it. */
export function keepOpen(
  gaps: readonly Gap[],
  open: readonly Gap[],
  maxOtherBytes: number,
): Gap[] {
  const opened = new Set(open.map(keyOf));
  let leftBytes = maxOtherBytes;
  return gaps.toReversed().filter((gap) => {
    if (opened.has(keyOf(gap))) return true;
    leftBytes -= encodeGaps([gap]).length;
    return leftBytes >= 0;
  }).toReversed();
}

function keyOf({ startMs, endMs, reason, detail }: Gap): string {
  return `${startMs} ${endMs} ${reason} ${detail}`;
}

export interface LedgerTail {
  readonly gaps: readonly Gap[];
  /** Bytes at the end that a crash left of an unfinished line: nothing ever relied on them. */
  readonly tornBytes: number;
}

/**
 * @param cut whether `bytes` begins in the middle of the ledger, so that its first line is partial
 * Throws StalledError `state_damaged` when a whole line cannot be read.
 */
export function parseLedgerTail(bytes: Uint8Array, cut: boolean, path: string): LedgerTail {
  const begin = cut ? bytes.indexOf(NEWLINE) + 1 : 0;
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const tornBytes = bytes.length - end;
  try {
    const lines = decodeUtf8(bytes.subarray(begin, Math.max(begin, end))).split("\n").slice(0, -1);
    const gaps = lines.map((line) => {
      const { schema: _, ...gap } = LedgerLine.parse(JSON.parse(line));
      return gap;
    });
    return { gaps, tornBytes };
  } catch (cause) {
    throw new StalledError("state_damaged", `Cannot read the gap ledger ${path}`, {
      cause,
      hint: "restore the file from a backup, or move it aside: gaps not yet sent are then lost",
    });
  }
}
