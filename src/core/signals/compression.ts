/** Compression off the event loop, at the fastest level. The same bytes in give the same bytes out. */
import { promisify } from "node:util";
import { constants, gzip, zstdCompress } from "node:zlib";

export type BatchEncoding = "zstd" | "gzip";

const LEVEL = 1;
const zstdAsync: (bytes: Uint8Array, options: object) => Promise<Uint8Array> = promisify(
  zstdCompress,
);
const gzipAsync: (bytes: Uint8Array, options: object) => Promise<Uint8Array> = promisify(gzip);

export async function compress(
  bytes: Uint8Array,
  encoding: BatchEncoding,
): Promise<Uint8Array<ArrayBuffer>> {
  const packed = encoding === "zstd"
    ? await zstdAsync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } })
    : await gzipAsync(bytes, { level: LEVEL });
  return new Uint8Array(packed);
}
