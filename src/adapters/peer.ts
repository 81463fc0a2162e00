/**
 * The one dialer. Every peer gets a client bound to its own origin: another host, a redirect, an
 * oversized answer or a silent server all end in a typed error.
 */
import { ConnectorError, RefusedError, StalledError, TransientError } from "../errors.ts";
import { readBounded } from "../core/bounded_read.ts";
import { BodyReader } from "./body_reader.ts";
import type { HttpClient, HttpClientOptions, Runtime } from "../runtime.ts";

export interface PeerOptions extends HttpClientOptions {
  /** For messages: `Prometheus`, `control plane`. */
  readonly name: string;
  /** Origin, with an optional path prefix. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
}

export interface PeerRequest {
  readonly method: string;
  /** Begins with `/`; put behind the base URL's path. */
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  /** For the whole exchange, body included. */
  readonly timeoutMs?: number;
  readonly maxResponseBytes?: number;
}

export interface PeerAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** An answer whose body arrives piece by piece. Dispose of it: that cancels what was not read. */
export interface PeerStream extends AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  /**
   * Bytes that stay as they are until the next call; null at the end. Throws as `send` does, also when
   * the connection breaks off.
   */
  read(): Promise<Uint8Array | null>;
}

const MAX_RETRY_AFTER_MS = 300_000;
/** What rustls says of a peer that will not do; a connection that merely broke off may come back. */
const UNTRUSTED =
  /invalid peer certificate|corrupt message|fatal alert|peer (is incompat|misbehav)/i;

/** Retry-After in milliseconds, clamped to five minutes; undefined when absent or unreadable. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}

export class Peer {
  readonly #client: HttpClient;
  readonly #base: URL;

  /** Throws StalledError `config_invalid` on certificates or a proxy that cannot be used. */
  constructor(
    private readonly runtime: Pick<Runtime, "clock" | "http">,
    private readonly options: PeerOptions,
  ) {
    this.#base = new URL(options.baseUrl);
    try {
      this.#client = runtime.http.client(options);
    } catch (error) {
      throw new StalledError(
        "config_invalid",
        `The CA, the client certificate or the proxy of ${options.name} cannot be used: ${
          lastReason(error)
        }`,
        { cause: error, hint: "certificates and keys must be PEM" },
      );
    }
  }

  get name(): string {
    return this.options.name;
  }

  url(path: string): string {
    const url = new URL(this.#base.pathname.replace(/\/$/, "") + path, this.#base);
    if (url.origin !== this.#base.origin) {
      throw new RefusedError("peer_not_allowed", `${this.name}: ${url.origin} was not configured`);
    }
    return url.href;
  }

  get maxResponseBytes(): number {
    return this.options.maxResponseBytes;
  }

  /** For streams: the body is unread, and the signal alone ends it. The caller MUST read or cancel it. */
  async open(request: PeerRequest & { readonly signal: AbortSignal }): Promise<Response> {
    try {
      return await this.#fetch(request, request.signal);
    } catch (error) {
      throw this.#networkError(error, request);
    }
  }

  /**
   * For large answers: as `send`, with the same timeout for the whole exchange, and no byte cap. A request
   * that says what encodings it accepts gets its answer decoded all the same: a proxy may compress unasked.
   */
  async stream(request: PeerRequest): Promise<PeerStream> {
    const signal = this.#deadline(request);
    let response: Response;
    try {
      response = await this.#fetch(request, signal);
    } catch (error) {
      throw this.#networkError(error, request);
    }
    const body = new BodyReader(decoded(response));
    // Deno 2.9 no longer breaks off a body by its signal once the Response was collected.
    const leave = () => void body.cancel();
    signal.addEventListener("abort", leave, { once: true });
    return {
      status: response.status,
      headers: response.headers,
      read: async () => {
        try {
          const bytes = await body.read();
          // Cancelled, a body seems to have ended.
          signal.throwIfAborted();
          return bytes;
        } catch (error) {
          throw this.#networkError(error, request);
        }
      },
      async [Symbol.asyncDispose]() {
        signal.removeEventListener("abort", leave);
        await body.cancel();
      },
    };
  }

  /** The whole answer, whatever its status. Throws Transient, Stalled `tls_untrusted` or `too_large`. */
  async send(request: PeerRequest): Promise<PeerAnswer> {
    try {
      const response = await this.#fetch(request, this.#deadline(request));
      const body = await readBounded(
        response.body,
        request.maxResponseBytes ?? this.options.maxResponseBytes,
        `the answer of ${this.name}`,
      );
      return { status: response.status, headers: response.headers, body };
    } catch (error) {
      throw this.#networkError(error, request);
    }
  }

  /** The Transient error that a 408, 429 or 5xx answer stands for; null for every other status. */
  transient(answer: { status: number; headers: Headers }, what: string): TransientError | null {
    const { status } = answer;
    if (status !== 408 && status !== 429 && status < 500) return null;
    const retryAfterMs = parseRetryAfter(
      answer.headers.get("retry-after"),
      this.runtime.clock.now(),
    );
    return new TransientError(
      status === 429 ? "rate_limited" : "unavailable",
      `${this.name} answered ${status} to ${what}`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }

  close(): void {
    this.#client.close();
  }

  #deadline(request: PeerRequest): AbortSignal {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? this.options.timeoutMs);
    return request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  }

  #fetch(request: PeerRequest, signal: AbortSignal): Promise<Response> {
    return this.#client.fetch(this.url(request.path), {
      method: request.method,
      ...(request.headers ? { headers: request.headers } : {}),
      ...(request.body === undefined ? {} : { body: request.body }),
      signal,
    });
  }

  #networkError(error: unknown, request: PeerRequest): unknown {
    if (request.signal?.aborted) return request.signal.reason;
    if (error instanceof ConnectorError) return error;
    const where = `${this.name} at ${this.#base.origin}`;
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return new TransientError("timeout", `${where} did not answer in time`, { cause: error });
    }
    const reason = lastReason(error);
    if (/encountered redirect/i.test(reason)) {
      return new RefusedError("peer_not_allowed", `${where} answered with a redirect`, {
        cause: error,
        hint: "configure the final address; redirects are never followed with credentials",
      });
    }
    if (UNTRUSTED.test(reason)) {
      return new StalledError("tls_untrusted", `Cannot trust ${where}: ${reason}`, {
        cause: error,
        hint: "check caFile, the certificate's names and dates, and that the port speaks TLS",
      });
    }
    return new TransientError("unavailable", `Cannot reach ${where}: ${reason}`, {
      cause: error,
      hint: "check the address, the network policy and the proxy",
    });
  }
}

/** Where the caller sets accept-encoding, fetch leaves the body as it came. */
function decoded({ body, headers }: Response): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const encoding = headers.get("content-encoding")?.toLowerCase();
  if (!body || (encoding !== "gzip" && encoding !== "deflate")) return body;
  return body.pipeThrough(new DecompressionStream(encoding));
}

/** The innermost reason, without the URL: a path may hold any word, and a query a secret. */
function lastReason(error: unknown): string {
  let reason = String(error);
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    reason = current.message;
  }
  return reason.replace(/^error sending request .*?: client error/s, "client error")
    .replaceAll(/\s+/g, " ").slice(0, 300);
}
