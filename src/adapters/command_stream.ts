/**
 * GET /commands as server-sent events (WHATWG HTML, 9.2), or as a long poll where something on the
 * way does not let streams through. Bounded, and never silent for longer than the idle timeout.
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Command } from "../core/command.ts";
import { MAX_EXECUTE_BODY_BYTES } from "../core/protocol.ts";
import { InvalidInputError, TransientError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import type { ControlPlane } from "./control_plane.ts";

/** JSON inside an event may be escaped, which makes it longer than the body that it stands for. */
const MAX_EVENT_CHARS = Math.ceil(MAX_EXECUTE_BODY_BYTES * 1.4);
const MAX_ID_CHARS = 256;
const POLL_WAIT_SECONDS = 20;
const NO_STREAM_STATUSES = new Set([404, 405, 406, 415, 501]);

export class CommandStream {
  constructor(
    private readonly clock: Clock,
    private readonly controlPlane: Pick<ControlPlane, "ready" | "openCommands" | "pollCommands">,
    private readonly idleTimeoutMs = 60_000,
  ) {}

  /** null when what answers does not speak event streams. Leaving the iteration closes the stream. */
  async stream(after: string | null, signal: AbortSignal): Promise<AsyncIterable<Command> | null> {
    await this.controlPlane.ready(signal);
    const abort = new AbortController();
    const both = AbortSignal.any([signal, abort.signal]);
    const response = await this.#watched(
      () => this.controlPlane.openCommands(after, both),
      abort,
    );
    const type = response.headers.get("content-type")?.split(";")[0]?.trim();
    if (response.ok && type === "text/event-stream" && response.body) {
      return this.#events(response.body, abort, signal);
    }
    await response.body?.cancel();
    if (response.ok || NO_STREAM_STATUSES.has(response.status)) return null;
    throw new InvalidInputError(
      "malformed_answer",
      `The control plane answered GET /commands with status ${response.status}`,
    );
  }

  /** Waits up to 20 s for commands; empty when none came. */
  async poll(after: string | null, signal: AbortSignal): Promise<Command[]> {
    const commands = await this.controlPlane.pollCommands(
      after,
      POLL_WAIT_SECONDS,
      MAX_EVENT_CHARS,
      signal,
    );
    return commands.map(({ id, type, data }) => ({ id, type, data }));
  }

  async *#events(
    body: ReadableStream<Uint8Array>,
    abort: AbortController,
    signal: AbortSignal,
  ): AsyncGenerator<Command> {
    const reader = body.getReader();
    // Deno 2.9 no longer breaks off a body by its signal once the Response was collected.
    const either = AbortSignal.any([signal, abort.signal]);
    const leave = () => void reader.cancel().catch(() => {});
    either.addEventListener("abort", leave, { once: true });
    const decoder = new TextDecoder();
    let arrived: EventSourceMessage[] = [];
    let overflow = false;
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARS,
      onEvent: (event) => arrived.push(event),
      onError: (error) => overflow ||= error.type === "max-buffer-size-exceeded",
    });
    try {
      for (;;) {
        // Comments count too: they are the control plane's keep-alive.
        const chunk = await this.#watched(() => reader.read(), abort);
        either.throwIfAborted();
        if (chunk.done) return;
        parser.feed(decoder.decode(chunk.value, { stream: true }));
        for (const event of arrived) {
          const command = toCommand(event);
          if (command) yield command;
        }
        arrived = [];
        if (overflow) throw tooLarge();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (abort.signal.aborted) throw abort.signal.reason;
      throw error instanceof InvalidInputError ? error : brokenOff(error);
    } finally {
      either.removeEventListener("abort", leave);
      abort.abort(new TransientError("unavailable", "the command stream was left"));
      await reader.cancel().catch(() => {});
    }
  }

  /** Ends a wait on the peer that lasts longer than its keep-alive allows. */
  async #watched<T>(wait: () => Promise<T>, abort: AbortController): Promise<T> {
    const arrived = new AbortController();
    const idle = this.clock.sleep(this.idleTimeoutMs, arrived.signal).then(
      () => abort.abort(new TransientError("timeout", "The command channel fell silent")),
      () => {},
    );
    try {
      return await wait();
    } finally {
      arrived.abort();
      await idle;
    }
  }
}

/** null for an event that could not be acknowledged, as it has no usable id. */
function toCommand({ id, event, data }: EventSourceMessage): Command | null {
  if (!id || id.length > MAX_ID_CHARS) return null;
  return { id, type: event ?? "message", data: parseData(data) };
}

/** Text that is no JSON stays text, for the handler to refuse on the record. */
function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tooLarge(): InvalidInputError {
  return new InvalidInputError("too_large", `A command is larger than ${MAX_EVENT_CHARS} bytes`, {
    hint: "the control plane must not send packages above the limit; cancel that command there",
  });
}

function brokenOff(cause: unknown): TransientError {
  return new TransientError("unavailable", "The command stream broke off", { cause });
}
