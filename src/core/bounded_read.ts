/** Reading what someone else sends, no further than agreed. */
import { InvalidInputError } from "../errors.ts";

/**
 * Reads a stream whole, or throws InvalidInputError `too_large`. Pulls at most one chunk beyond
 * `maxBytes`, and cancels the stream then.
 * @param what for the message: `the body`, `the answer of Prometheus`
 */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body ?? []) {
    total += chunk.length;
    if (total > maxBytes) {
      throw new InvalidInputError("too_large", `${what} is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
