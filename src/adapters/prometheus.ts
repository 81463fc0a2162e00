/**
 * Prometheus as the source of signals: POST query_range, one window at a time. Credentials are read
 * anew for every query, so that a rotated token needs no restart.
 */
import { InvalidInputError, StalledError, TransientError } from "../errors.ts";
import { encodeBase64, encodeUtf8 } from "../core/encoding.ts";
import {
  type RangeAnswer,
  type RangeQuery,
  readFailure,
  readSuccess,
  type SignalsSource,
} from "../core/signals/range_answer.ts";
import type { SecretMask } from "../log.ts";
import type { Files } from "../runtime.ts";
import type { Peer, PeerAnswer } from "./peer.ts";

export interface PrometheusAuth {
  readonly bearerTokenFile?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly passwordFile: string } | undefined;
}

const PATH = "/api/v1/query_range";
const MAX_SECRET_BYTES = 64 * 1024;
const HEADER_SAFE = /^[\x21-\x7e]+$/;

export class PrometheusSource implements SignalsSource {
  constructor(
    private readonly peer: Peer,
    private readonly files: Files,
    private readonly auth: PrometheusAuth,
    private readonly mask: SecretMask,
  ) {}

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
          ...await this.#authorization(),
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

  async #authorization(): Promise<Record<string, string>> {
    const { bearerTokenFile, basicAuth } = this.auth;
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

/** Exact decimal seconds: never a binary fraction of them. */
function formatSeconds(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}
