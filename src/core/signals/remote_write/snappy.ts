/**
 * Snappy's block format. The one that remote write prescribes, and no other.
 * https://github.com/google/snappy/blob/main/format_description.txt
 */

export interface Snappy {
  compress(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  uncompress(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
}

let loaded: Promise<Snappy> | null = null;

/** Loaded when first asked for: who does not write remotely does not pay for it. */
export function loadSnappy(): Promise<Snappy> {
  return loaded ??= load();
}

async function load(): Promise<Snappy> {
  const { snappyCompressor, snappyUncompressor } = await import("hysnappy");
  const compress = snappyCompressor();
  const uncompress = snappyUncompressor();
  return {
    compress: (bytes) => new Uint8Array(compress(bytes)),
    uncompress: (bytes) => new Uint8Array(uncompress(bytes, uncompressedLength(bytes))),
  };
}

/** A block begins with it, as a varint. */
function uncompressedLength(bytes: Uint8Array): number {
  let length = 0;
  for (let at = 0, scale = 1; at < 5; at++, scale *= 0x80) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return length;
}
