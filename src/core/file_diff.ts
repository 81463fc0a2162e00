/** What changes in a file, as `diff -u` shows it; content that few may read is masked. */
import { structuredPatch } from "diff";
import type { FieldChange } from "./diff.ts";
import { decodeUtf8, encodeHex, sha256Hex } from "./encoding.ts";
import { formatMode, type HostFile } from "./host_file.ts";

const CONTEXT_LINES = 3;
/** Beyond it two texts have little in common, and the comparison would take long. */
const MAX_EDITS = 2000;
const MAX_LINES = 200;
const MAX_WIDTH = 200;
/** Group or others may read. */
const SHARED = 0o044;

export interface DiffOptions {
  /** Mixed into the hashes that stand for masked content. */
  readonly salt: string;
  readonly sensitive: boolean;
}

/** Either may be null. The changes cover mode and whole content, however little of it is shown. */
export function diffFiles(
  before: HostFile | null,
  after: HostFile | null,
  { salt, sensitive }: DiffOptions,
): FieldChange[] {
  const isMasked = sensitive || [before, after].some((file) => file && !(file.mode & SHARED));
  const name = (file: HostFile) => {
    const size = `${file.content.length} bytes`;
    return isMasked
      ? `${size} (secret ${sha256Hex(`${salt}\n${encodeHex(file.content)}`).slice(0, 12)})`
      : `${size}, sha256:${sha256Hex(file.content)}`;
  };
  const changes: FieldChange[] = [];
  const add = (path: string, from: string | null, to: string | null, lines: string[] = []) => {
    if (from === to) return;
    changes.push({
      path,
      ...(from === null ? {} : { from }),
      ...(to === null ? {} : { to }),
      ...(lines.length === 0 ? {} : { lines }),
    });
  };
  // What goes is told by its size and hash, as with other objects.
  const lines = isMasked || after === null ? [] : diffLines(textOf(before), textOf(after));
  add("content", before && name(before), after && name(after), lines);
  add("mode", before && formatMode(before.mode), after && formatMode(after.mode));
  return changes;
}

/** null for what is no text: other bytes than UTF-8, or control characters that no text file needs. */
function textOf(file: HostFile | null): string | null {
  if (file === null) return "";
  try {
    const text = decodeUtf8(file.content);
    // deno-lint-ignore no-control-regex
    return /[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

function diffLines(before: string | null, after: string | null): string[] {
  if (before === null || after === null || before === after) return [];
  const patch = structuredPatch("", "", before, after, "", "", {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDITS,
  });
  if (!patch) return ["(too many lines differ to show them)"];
  const lines = patch.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${startOf(oldStart, oldLines)},${oldLines} +${startOf(newStart, newLines)},${newLines} @@`,
    ...lines.map(clip),
  ]);
  const more = lines.length - MAX_LINES;
  return more > 0 ? [...lines.slice(0, MAX_LINES), `(${more} more lines)`] : lines;
}

/** An empty side begins before the first line. */
function startOf(start: number, count: number): number {
  return count === 0 ? start - 1 : start;
}

function clip(line: string): string {
  const more = line.length - MAX_WIDTH;
  return more > 0 ? `${line.slice(0, MAX_WIDTH).toWellFormed()}… (${more} more characters)` : line;
}
