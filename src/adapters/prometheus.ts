/**
 * Prometheus as the source of signals: POST query_range, one window at a time. Credentials are read
 * anew for every query, so that a rotated token needs no restart.
 */
import { InvalidInputError, StalledError, TransientError } from "../errors.ts";
import { encodeBase64, encodeUtf8 } from "../core/encoding.ts";
import { type DecodedRange, RangeDecoder } from "../core/signals/answer/range_decoder.ts";
import {
  checkContentType,
  type RangeAnswer,
  type RangeQuery,
  readDate,
  readFailure,
  type SignalsSource,
} from "../core/signals/range_answer.ts";
import type { SeriesHandler } from "../core/signals/series_handler.ts";
import type { SecretMask } from "../log.ts";
import type { Files, Random } from "../runtime.ts";
import type { Peer, PeerStream } from "./peer.ts";

export interface PrometheusOptions {
  readonly bearerTokenFile?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly passwordFile: string } | undefined;
  /** Asked of Prometheus; what a proxy compresses unasked is read all the same. */
  readonly compression?: "none" | "gzip" | undefined;
}

const PATH = "/api/v1/query_range";
/** Pieces between which the packer may compress, however large the connection's are. */
const PIECE_BYTES = 256 * 1024;
/** All that is read of an error. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_SECRET_BYTES = 64 * 1024;
const HEADER_SAFE = /^[\x21-\x7e]+$/;

export class PrometheusSource implements SignalsSource {
  readonly #seed: number;

  constructor(
    private readonly peer: Peer,
    private readonly files: Files,
    private readonly options: PrometheusOptions,
    private readonly mask: SecretMask,
    random: Pick<Random, "fraction">,
  ) {
    this.#seed = Math.floor(random.fraction() * 2 ** 32);
  }

  async queryRange(
    query: RangeQuery,
    handler: SeriesHandler,
    signal: AbortSignal,
  ): Promise<RangeAnswer> {
    try {
      await using answer = await this.#ask(query, signal);
      if (answer.status === 200) {
        checkContentType(answer.headers);
        const decoded = await this.#decode(
          answer,
          new RangeDecoder(query.window, handler, this.#seed),
          handler,
        );
        return { kind: "series", ...decoded, sourceTimeMs: readDate(answer.headers) };
      }
      const body = await readBeginning(answer);
      const failure = readFailure({ status: answer.status, body }, query.expr);
      if (failure) return failure;
      throw this.peer.transient(answer, "a range query")!;
    } catch (error) {
      if (error instanceof InvalidInputError && error.code === "too_large") {
        return { kind: "too_large", detail: error.message };
      }
      if (error instanceof TransientError && error.code === "timeout") {
        return { kind: "timeout", detail: error.message };
      }
      throw error;
    }
  }

  async #ask({ expr, window }: RangeQuery, signal: AbortSignal): Promise<PeerStream> {
    const form = new URLSearchParams({
      query: expr,
      start: formatSeconds(window.startMs),
      end: formatSeconds(window.endMs),
      step: formatSeconds(window.stepMs),
    });
    return await this.peer.stream({
      method: "POST",
      path: PATH,
      headers: {
        "accept": "application/json",
        "accept-encoding": this.options.compression === "gzip" ? "gzip" : "identity",
        "content-type": "application/x-www-form-urlencoded",
        ...await this.#authorization(),
      },
      body: form.toString(),
      signal,
    });
  }

  async #decode(
    answer: PeerStream,
    decoder: RangeDecoder,
    handler: SeriesHandler,
  ): Promise<DecodedRange> {
    const { maxResponseBytes } = this.peer;
    let total = 0;
    for (let chunk = await answer.read(); chunk; chunk = await answer.read()) {
      total += chunk.length;
      if (total > maxResponseBytes) {
        throw new InvalidInputError(
          "too_large",
          `the answer of ${this.peer.name} is larger than ${maxResponseBytes} bytes`,
        );
      }
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        decoder.push(chunk.subarray(from, from + PIECE_BYTES));
        await handler.drain();
      }
    }
    return decoder.finish();
  }

  async #authorization(): Promise<Record<string, string>> {
    const { bearerTokenFile, basicAuth } = this.options;
    if (bearerTokenFile) {
      const token = await this.#readSecret(bearerTokenFile);
      if (HEADER_SAFE.test(token)) return { authorization: `Bearer ${token}` };
      throw new StalledError("config_invalid", `${bearerTokenFile} does not hold a bearer token`, {
        hint: "put one token there, in one line",
      });
    }
    if (basicAuth) {
      const password = await this.#readSecret(basicAuth.passwordFile);
      const credentials = encodeBase64(encodeUtf8(`${basicAuth.username}:${password}`));
      return { authorization: `Basic ${this.mask.add(credentials)}` };
    }
    return {};
  }

  async #readSecret(path: string): Promise<string> {
    let cause: unknown;
    try {
      const bytes = await this.files.read(path, MAX_SECRET_BYTES);
      if (bytes) return this.mask.add(new TextDecoder().decode(bytes).trim());
    } catch (error) {
      cause = error;
    }
    throw new StalledError("config_invalid", `Cannot read credentials from ${path}`, {
      cause,
      hint: "mount the credentials for Prometheus there, readable for the connector's user",
    });
  }
}

async function readBeginning(answer: PeerStream): Promise<Uint8Array> {
  const body = new Uint8Array(MAX_ERROR_BYTES);
  let length = 0;
  while (length < body.length) {
    const chunk = await answer.read();
    if (!chunk) break;
    const part = chunk.subarray(0, body.length - length);
    body.set(part, length);
    length += part.length;
  }
  return body.subarray(0, length);
}

/** Exact decimal seconds: never a binary fraction of them. */
function formatSeconds(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}
