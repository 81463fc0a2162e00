/** Compression off the event loop, at the fastest level. The same bytes in give the same bytes out. */
import { promisify } from "node:util";

export type BatchEncoding = "zstd" | "gzip";

const LEVEL = 1;
type Transform = (bytes: Uint8Array, options: object) => Promise<Uint8Array>;

export async function compress(
  bytes: Uint8Array,
  encoding: BatchEncoding,
): Promise<Uint8Array<ArrayBuffer>> {
  // Dear to load, and needed for the first batch only.
  const { constants, gzip, zstdCompress } = await import("node:zlib");
  const run: Transform = promisify(encoding === "zstd" ? zstdCompress : gzip);
  const options = encoding === "zstd"
    ? { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }
    : { level: LEVEL };
  return new Uint8Array(await run(bytes, options));
}

/** Of what `compress` made. */
export async function decompress(
  bytes: Uint8Array,
  encoding: BatchEncoding,
): Promise<Uint8Array<ArrayBuffer>> {
  const { gunzip, zstdDecompress } = await import("node:zlib");
  const run: Transform = promisify(encoding === "zstd" ? zstdDecompress : gunzip);
  return new Uint8Array(await run(bytes, {}));
}
