/** Prometheus as the source of signals: POST query_range, one window at a time. */
import { InvalidInputError, TransientError } from "../errors.ts";
import {
  type RangeAnswer,
  type RangeQuery,
  readFailure,
  readSuccess,
  type SignalsSource,
} from "../core/signals/range_answer.ts";
import type { SecretMask } from "../log.ts";
import type { Files } from "../runtime.ts";
import { type HttpAuth, HttpCredentials } from "./http_credentials.ts";
import type { Peer, PeerAnswer } from "./peer.ts";

const PATH = "/api/v1/query_range";

export class PrometheusSource implements SignalsSource {
  readonly #credentials: HttpCredentials;

  constructor(private readonly peer: Peer, files: Files, auth: HttpAuth, mask: SecretMask) {
    this.#credentials = new HttpCredentials(files, auth, mask, "Prometheus");
  }

  async queryRange({ expr, window }: RangeQuery, signal: AbortSignal): Promise<RangeAnswer> {
    const form = new URLSearchParams({
      query: expr,
      start: formatSeconds(window.startMs),
      end: formatSeconds(window.endMs),
      step: formatSeconds(window.stepMs),
    });
    let answer: PeerAnswer;
    try {
      answer = await this.peer.send({
        method: "POST",
        path: PATH,
        headers: {
          "accept": "application/json",
          "content-type": "application/x-www-form-urlencoded",
          ...await this.#credentials.authorization(),
        },
        body: form.toString(),
        signal,
      });
    } catch (error) {
      if (error instanceof InvalidInputError && error.code === "too_large") {
        return { kind: "too_large", detail: error.message };
      }
      if (error instanceof TransientError && error.code === "timeout") {
        return { kind: "timeout", detail: error.message };
      }
      throw error;
    }
    if (answer.status === 200) return readSuccess(answer, window);
    const failure = readFailure(answer, expr);
    if (failure) return failure;
    throw this.peer.transient(answer, "a range query")!;
  }
}

/** Exact decimal seconds: never a binary fraction of them. */
function formatSeconds(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}
