/**
 * Kubernetes REST over one pooled client. client-node's own transport opens a connection per call and
 * hangs under Deno when one breaks in mid-body; docs/decisions/ has the figures.
 */
import { InvalidInputError, RefusedError, TransientError } from "../../errors.ts";
import { readBounded } from "../../core/bounded_read.ts";
import { decodeUtf8 } from "../../core/encoding.ts";
import { isJsonObject, type JsonObject } from "../../core/kubernetes_object.ts";
import type { Runtime } from "../../runtime.ts";
import { parseRetryAfter, Peer, type PeerAnswer } from "../peer.ts";
import type { KubernetesCredentials } from "./credentials.ts";
import { toError } from "./status_error.ts";
import { GONE, readEvents, type WatchEvent } from "./watch_events.ts";

const TIMEOUT_MS = 30_000;
/** As many and as long as kube-apiserver itself lets them be. */
const MAX_WARNINGS = 32;
const MAX_WARNING = 4096;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 1024 * 1024;

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** `application/json` unless given. */
  readonly accept?: string;
  /** For messages. */
  readonly what: string;
  readonly bounds?: {
    /** Breaks it off. */
    readonly signal?: AbortSignal;
    /** How long it may still take, both tries together; the server is told as well. */
    leftMs(): number;
  };
}

export interface ApiAnswer {
  readonly status: number;
  readonly object: JsonObject;
  readonly warnings: readonly string[];
}

export interface WatchRequest {
  /** Of the collection. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** For messages. */
  readonly what: string;
  readonly signal: AbortSignal;
}

export class KubernetesApi {
  readonly #peer: Peer;

  constructor(
    private readonly runtime: Runtime,
    private readonly credentials: KubernetesCredentials,
  ) {
    this.#peer = new Peer(runtime, {
      name: "Kubernetes API",
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_ANSWER_BYTES,
      ...credentials,
    });
  }

  /** Throws what `toError` makes of any answer but 2xx. */
  async request(request: ApiRequest): Promise<ApiAnswer> {
    let answer = await this.#send(request);
    if (answer.status === 401) {
      // A rotated token looks like this once; a second time it is a refusal.
      this.credentials.forgetToken();
      answer = await this.#send(request);
    }
    const text = textOf(answer, request.what);
    if (answer.status < 200 || answer.status > 299) {
      const retryAfter = answer.headers.get("retry-after");
      const retryAfterMs = parseRetryAfter(retryAfter, this.runtime.clock.now());
      throw toError(answer.status, text, request.what, retryAfterMs);
    }
    return {
      status: answer.status,
      object: parseObject(text, request.what),
      warnings: warningsOf(answer.headers),
    };
  }

  /** null on 404. */
  async find(request: ApiRequest): Promise<JsonObject | null> {
    try {
      return (await this.request(request)).object;
    } catch (error) {
      if (error instanceof RefusedError && error.code === "not_found") return null;
      throw error;
    }
  }

  /**
   * The events of a watch, until the server ends it. It ends as well when the server no longer has what came
   * after the resourceVersion (410): who reads again is up to date. Leaving the iteration closes it once an
   * event is there; the signal does so at any time. Throws what `request` throws.
   */
  async *watch(request: WatchRequest): AsyncGenerator<WatchEvent> {
    let response = await this.#open(request);
    if (response.status === 401) {
      await response.body?.cancel();
      this.credentials.forgetToken();
      response = await this.#open(request);
    }
    if (response.status === 200 && response.body) {
      yield* readEvents(response.body, request.what, request.signal);
      return;
    }
    const body = await readBounded(response.body, MAX_REFUSAL_BYTES, request.what, request.signal);
    if (response.status === GONE) return;
    const retryAfter = response.headers.get("retry-after");
    const retryAfterMs = parseRetryAfter(retryAfter, this.runtime.clock.now());
    throw toError(response.status, new TextDecoder().decode(body), request.what, retryAfterMs);
  }

  async #open({ path, query, signal }: WatchRequest): Promise<Response> {
    const token = await this.credentials.token();
    return await this.#peer.open({
      method: "GET",
      path: `${path}?${new URLSearchParams({ ...query, watch: "true" })}`,
      headers: {
        accept: "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      signal,
    });
  }

  close(): void {
    this.#peer.close();
  }

  async #send(request: ApiRequest): Promise<PeerAnswer> {
    const token = await this.credentials.token();
    const leftMs = Math.floor(request.bounds?.leftMs() ?? Infinity);
    if (leftMs <= 0) throw new TransientError("timeout", `${request.what}: there is no time left`);
    const query = new URLSearchParams({
      ...request.query,
      // What is sent can still be on its way, or in a queue, when we have long stopped waiting.
      ...(leftMs < Infinity && request.method !== "GET" ? { timeout: `${leftMs}ms` } : {}),
    }).toString();
    return await this.#peer.send({
      method: request.method,
      timeoutMs: Math.min(leftMs, TIMEOUT_MS),
      ...(request.bounds?.signal ? { signal: request.bounds.signal } : {}),
      path: query ? `${request.path}?${query}` : request.path,
      headers: {
        accept: request.accept ?? "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(request.body === undefined
          ? {}
          : { "content-type": request.contentType ?? "application/json" }),
      },
      // As a stream of known length: what is not in memory as a whole, fetch never sends again by itself
      // when a connection breaks, which may have carried out the write already.
      ...(request.body === undefined ? {} : { body: new Blob([JSON.stringify(request.body)]) }),
    });
  }
}

function textOf({ body }: PeerAnswer, what: string): string {
  try {
    return decodeUtf8(body);
  } catch {
    throw malformed(what, "the API server did not answer in UTF-8");
  }
}

function parseObject(text: string, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through to the same complaint.
  }
  throw malformed(what, "the API server did not answer with a JSON object");
}

function malformed(what: string, problem: string): InvalidInputError {
  return new InvalidInputError("malformed_answer", `${what}: ${problem}`);
}

/** RFC 7234 warning headers, as kubectl shows them: `299 - "text"`. */
function warningsOf(headers: Headers): string[] {
  const header = headers.get("warning") ?? "";
  return [...header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)]
    .slice(0, MAX_WARNINGS)
    .map((match) => match[1]!.replaceAll(/\\(.)/g, "$1").slice(0, MAX_WARNING).toWellFormed());
}
