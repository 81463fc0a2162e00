/** How every embedded peer listens: TLS on a loopback port, and able to fail on command. */
import type { Pki } from "./pki.ts";

export type Handler = (request: Request) => Response | Promise<Response>;

/** What a peer does to its callers; all off at first. */
export class Faults {
  #delayMs = 0;
  #status: { code: number; left: number } | null = null;
  #resets = 0;

  /** Every answer waits this long. */
  slow(ms: number): void {
    this.#delayMs = ms;
  }

  /** The next `times` requests get this status, with an empty body. */
  answer(code: number, times = Infinity): void {
    this.#status = { code, left: times };
  }

  /** The next `times` answers break off in mid-body. */
  reset(times = 1): void {
    this.#resets = times;
  }

  clear(): void {
    this.#delayMs = 0;
    this.#status = null;
    this.#resets = 0;
  }

  async apply(request: Request, handler: Handler): Promise<Response> {
    if (this.#delayMs > 0) await wait(this.#delayMs, request.signal);
    if (this.#status && this.#status.left > 0) {
      this.#status.left -= 1;
      await request.body?.cancel();
      return new Response(null, { status: this.#status.code });
    }
    const response = await handler(request);
    if (this.#resets <= 0) return response;
    this.#resets -= 1;
    await response.body?.cancel();
    return new Response(brokenBody(), { status: response.status, headers: response.headers });
  }
}

/** Ends early when the caller hangs up. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

function brokenBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array([0x7b])),
    pull: (controller) => controller.error(new Error("connection reset on purpose")),
  });
}

/** Over TLS an answer above 1 KB takes 44 ms unless its body is a stream: decision 12. */
function streamed(response: Response): Response {
  if (!response.body) return response;
  const body = response.body.pipeThrough(new TransformStream());
  return new Response(body, { status: response.status, headers: response.headers });
}

export interface TlsServer {
  readonly url: string;
  readonly port: number;
  readonly faults: Faults;
  /** Closes the port and every connection: callers see a refused connection. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): void;
  close(): Promise<void>;
}

export async function serveTls(
  pki: Pki,
  name: string,
  handler: Handler,
  options: { port?: number } = {},
): Promise<TlsServer> {
  const { certPem, keyPem } = await pki.issue(name);
  const faults = new Faults();
  let port = options.port ?? 0;
  const answering = new Set<Promise<Response>>();
  let running: { server: Deno.HttpServer<Deno.NetAddr>; abort: AbortController } | null = null;

  function start(): void {
    if (running) return;
    const abort = new AbortController();
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port,
      cert: certPem,
      key: keyPem,
      signal: abort.signal,
      onListen: () => {},
      onError: () => new Response(null, { status: 500 }),
    }, (request) => {
      const answer = faults.apply(request, handler).then(streamed);
      answering.add(answer);
      const forget = () => answering.delete(answer);
      answer.then(forget, forget);
      return answer;
    });
    port = server.addr.port;
    running = { server, abort };
  }

  async function stop(): Promise<void> {
    const current = running;
    if (!current) return;
    running = null;
    current.abort.abort();
    await current.server.finished;
    // The server does not wait for the answers of connections that it broke off.
    await Promise.allSettled(answering);
  }

  start();
  return { url: `https://127.0.0.1:${port}`, port, faults, start, stop, close: stop };
}
