/**
 * Gaps as samples, so that whoever looks at the receiver sees them: remote write has no place for a record.
 * `neuralops_connector_signal_gap_seconds{query,reason}` has the gap's length as its value, at its end.
 */
import type { Gap } from "../../protocol.ts";
import type { PackedWindow } from "../series_handler.ts";
import { alignDown } from "../windows.ts";
import type { SeriesLabels } from "./series_labels.ts";
import { RequestWriter, type WriteVersion, type WrittenRequest } from "./write_request.ts";

const NAME = "neuralops_connector_signal_gap_seconds";

/** @returns null when no gap ends within the window */
export function gapRequest(
  gaps: readonly Gap[],
  { query, window }: PackedWindow,
  labels: SeriesLabels,
  version: WriteVersion,
): WrittenRequest | null {
  const { startMs, endMs, stepMs } = window;
  const byReason = new Map<string, Map<number, number>>();
  for (const gap of gaps) {
    const at = alignDown(gap.endMs, stepMs);
    if (at < startMs || at > endMs) continue;
    const points = byReason.get(gap.reason) ?? new Map<number, number>();
    const seconds = (gap.endMs - gap.startMs + stepMs) / 1000;
    // Of those that end together the longest: there is one sample for one time.
    points.set(gap.endMs, Math.max(points.get(gap.endMs) ?? 0, seconds));
    byReason.set(gap.reason, points);
  }
  if (byReason.size === 0) return null;
  const writer = new RequestWriter(version);
  for (const [reason, points] of [...byReason].sort(([a], [b]) => a < b ? -1 : 1)) {
    writer.begin(labels.of([["__name__", NAME], ["query", query.name], ["reason", reason]]));
    const sorted = [...points].sort(([a], [b]) => a - b);
    for (const [atMs, seconds] of sorted) writer.sample(seconds, atMs);
    writer.end();
  }
  return writer.take();
}
