/** What a watch answers with: one JSON object per line, each an event, for as long as the server goes on. */
import { ConnectorError, InvalidInputError, TransientError } from "../../errors.ts";
import { isJsonObject, type JsonObject } from "../../core/kubernetes_object.ts";
import { toError } from "./status_error.ts";

export interface WatchEvent {
  /** ADDED, MODIFIED, DELETED or BOOKMARK. */
  readonly type: string;
  readonly object: JsonObject;
}

/** What was asked for is no longer in the server's history. */
export const GONE = 410;
/** Longer than any object that etcd takes. */
const MAX_LINE_CHARS = 4 * 1024 * 1024;

/**
 * Ends with the body, or when the server says that its history does not reach back so far.
 * @param what for messages: `watch Lease neuralops/connector`
 * @param signal breaks it off, and its reason is thrown
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  what: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const reader = body.getReader();
  // Deno 2.9 no longer breaks off a body by its signal once the Response was collected.
  const leave = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", leave, { once: true });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await read(reader, what);
      signal.throwIfAborted();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > MAX_LINE_CHARS) {
        throw new InvalidInputError(
          "too_large",
          `${what}: an event has over ${MAX_LINE_CHARS} chars`,
        );
      }
      for (const line of lines) {
        const event = parseEvent(line, what);
        if (event.type !== "ERROR") yield event;
        else if (event.object["code"] === GONE) return;
        else throw toError(Number(event.object["code"]), JSON.stringify(event.object), what);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) throw malformed(what, "is not in UTF-8");
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    await reader.cancel().catch(() => {});
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, what: string) {
  try {
    return await reader.read();
  } catch (cause) {
    throw new TransientError("unavailable", `${what}: the connection broke`, { cause });
  }
}

function parseEvent(line: string, what: string): WatchEvent {
  try {
    const event: unknown = JSON.parse(line);
    if (isJsonObject(event) && typeof event["type"] === "string" && isJsonObject(event["object"])) {
      return { type: event["type"], object: event["object"] };
    }
  } catch {
    // Falls through to the same complaint.
  }
  throw malformed(what, "is no JSON object with a type and an object");
}

function malformed(what: string, problem: string): ConnectorError {
  return new InvalidInputError("malformed_answer", `${what}: an event ${problem}`);
}
