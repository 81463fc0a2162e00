/** Cuts a stream of bytes into lines, holding no more than one line and one chunk. */
export interface Line {
  /** Without the line feed. */
  readonly bytes: Uint8Array;
  /** Of its first byte, from the start of the stream. */
  readonly offset: number;
  /** False only for what follows the last line feed. */
  readonly complete: boolean;
}

const LINE_FEED = 10;

/** A line longer than `maxBytes` is yielded incomplete, cut off there, and ends the stream. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  let rest: Uint8Array = new Uint8Array();
  let offset = 0;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : concatBytes([rest, chunk]);
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      yield { bytes: bytes.subarray(start, end), offset: offset + start, complete: true };
    }
    rest = bytes.slice(start);
    offset += start;
    if (rest.length > maxBytes) break;
  }
  if (rest.length > 0) yield { bytes: rest, offset, complete: false };
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
