/** Reading what someone else sends, no further than agreed. */
import { InvalidInputError } from "../errors.ts";

/**
 * Reads a stream whole, or throws InvalidInputError `too_large`. Pulls at most one chunk beyond
 * `maxBytes`, and cancels the stream then.
 * @param what for the message: `the body`, `the answer of Prometheus`
 * @param signal cancels the stream, and its reason is thrown
 */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  what: string,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  signal?.throwIfAborted();
  const reader = body?.getReader();
  signal?.addEventListener("abort", () => reader?.cancel(signal.reason).catch(() => {}));
  for (;;) {
    const { value: chunk } = await reader?.read() ?? {};
    if (!chunk) break;
    total += chunk.length;
    if (total > maxBytes) {
      await reader!.cancel();
      throw new InvalidInputError("too_large", `${what} is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  signal?.throwIfAborted();
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
