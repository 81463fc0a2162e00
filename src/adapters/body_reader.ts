/**
 * Reads the body of an answer piece by piece, into one buffer that is used again: a large answer would
 * leave as much garbage as it has bytes, which is collected late.
 */
const BUFFER_BYTES = 64 * 1024;

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

export class BodyReader {
  readonly #reader: ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array> | null;
  #buffer: ArrayBuffer | null;
  #isOpen: boolean;

  constructor(body: Body | null) {
    const intoBuffer = body && openIntoBuffer(body);
    this.#reader = intoBuffer ?? body?.getReader() ?? null;
    this.#buffer = intoBuffer && new ArrayBuffer(BUFFER_BYTES);
    this.#isOpen = body !== null;
  }

  /** Bytes that stay as they are until the next call; null at the end. Throws what the stream throws. */
  async read(): Promise<Uint8Array | null> {
    if (!this.#reader || !this.#isOpen) return null;
    try {
      const bytes = await this.#next(this.#reader);
      this.#isOpen = bytes !== null;
      return bytes;
    } catch (error) {
      this.#isOpen = false;
      throw error;
    }
  }

  /** Gives up what was not read; a read under way ends as if the body had. */
  async cancel(): Promise<void> {
    await this.#reader?.cancel().catch(() => {});
    this.#isOpen = false;
  }

  async #next(
    reader: ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<Uint8Array | null> {
    if (!(reader instanceof ReadableStreamBYOBReader)) return (await reader.read()).value ?? null;
    const { done, value } = await reader.read(new Uint8Array(this.#buffer!));
    if (value) this.#buffer = value.buffer;
    return done ? null : value;
  }
}

/** null for a stream that knows only buffers of its own. */
function openIntoBuffer(body: Body): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
