/**
 * One call to a remote-write receiver, and what its answer means. Which version of the protocol it speaks
 * is found out by the first call: who does not know 2.0 answers 415, or reads a request without a sample
 * in it and does not say how many it wrote.
 * https://prometheus.io/docs/specs/prw/remote_write_spec_2_0
 */
import type { RemoteWriteBatch } from "../core/signals/remote_write/batch.ts";
import { readRefusal, type Refusal } from "../core/signals/remote_write/refusal.ts";
import type { WriteVersion } from "../core/signals/remote_write/write_request.ts";
import { InvalidInputError, StalledError } from "../errors.ts";
import type { HttpCredentials } from "./http_credentials.ts";
import type { Peer, PeerAnswer } from "./peer.ts";

export type Protocol = "auto" | WriteVersion;

export type Written =
  | { readonly kind: "taken" }
  | { readonly kind: Exclude<Refusal, "content">; readonly error: InvalidInputError };

const WRITTEN = "x-prometheus-remote-write-";
const MAX_DETAIL = 300;

export class RemoteWriteReceiver {
  /** Of receivers whose version is not known yet: the newer one. */
  #version: WriteVersion;
  #isConfirmed = false;

  constructor(
    private readonly peer: Peer,
    private readonly credentials: HttpCredentials,
    private readonly protocol: Protocol,
    private readonly userAgent: string,
  ) {
    this.#version = protocol === "1.0" ? "1.0" : "2.0";
  }

  /** In which to pack what will be sent. */
  get version(): WriteVersion {
    return this.#version;
  }

  /** Throws TransientError, StalledError, or InvalidInputError for what it will never take. */
  async write(batch: RemoteWriteBatch, signal: AbortSignal): Promise<Written> {
    const sent = this.#version === "1.0" ? await batch.asVersion1() : batch;
    const answer = await this.#post(sent, signal);
    if (sent.packed.version === "1.0") return this.#read(sent, answer);
    if (!this.#isMisread(answer)) {
      if (isSuccess(answer)) this.#isConfirmed = true;
      return this.#read(sent, answer);
    }
    if (this.protocol === "2.0") {
      throw new StalledError(
        "config_invalid",
        `${this.peer.name} does not speak remote write 2.0: ${describe(answer)}`,
        { hint: "set remoteWrite.protocol to auto, or to 1.0" },
      );
    }
    const older = await batch.asVersion1();
    const second = await this.#post(older, signal);
    const written = this.#read(older, second);
    // Not before it has worked: a receiver that refuses both has told us nothing about versions.
    this.#version = "1.0";
    return written;
  }

  async #post(batch: RemoteWriteBatch, signal: AbortSignal): Promise<PeerAnswer> {
    return await this.peer.send({
      method: "POST",
      path: "",
      headers: {
        ...batch.headers,
        "user-agent": this.userAgent,
        ...await this.credentials.authorization(),
      },
      body: batch.body,
      signal,
    });
  }

  #isMisread({ status, headers, body }: PeerAnswer): boolean {
    if (status === 415) return true;
    // Someone who takes it for 1.0 may find it broken; later on it means what it says.
    if (status === 400) {
      return !this.#isConfirmed && readRefusal(status, decode(body)) === "content";
    }
    return isSuccess({ status }) && !headers.has(`${WRITTEN}samples-written`);
  }

  #read({ packed }: RemoteWriteBatch, answer: PeerAnswer): Written {
    const { status, headers } = answer;
    if (isSuccess(answer)) {
      if (packed.version === "1.0") return { kind: "taken" };
      const samples = Number(headers.get(`${WRITTEN}samples-written`));
      const histograms = Number(headers.get(`${WRITTEN}histograms-written`) ?? 0);
      if (samples === packed.samples && histograms === packed.histograms) return { kind: "taken" };
      throw new InvalidInputError(
        "malformed_request",
        `${this.peer.name} took ${samples} of ${packed.samples} samples and ` +
          `${histograms} of ${packed.histograms} histograms`,
        { hint: "its log may say why; native histograms may be switched off there" },
      );
    }
    if (status === 401 || status === 403) {
      throw new StalledError("access_denied", `${this.peer.name} answered ${describe(answer)}`, {
        hint: "check remoteWrite.bearerTokenFile, basicAuth or clientCertFile",
      });
    }
    const refusal = readRefusal(status, decode(answer.body));
    if (refusal !== null) {
      const error = new InvalidInputError(
        status === 413 ? "too_large" : "malformed_request",
        `${this.peer.name} refused a request: ${describe(answer)}`,
        { hint: "sending the same again cannot help; the receiver's limits or its clock may" },
      );
      if (refusal === "content") throw error;
      return { kind: refusal, error };
    }
    throw this.peer.transient(answer, "a write request") ??
      new StalledError("config_invalid", `${this.peer.name} answered ${describe(answer)}`, {
        hint: "check that remoteWrite.url is the address that takes remote write, path included",
      });
  }
}

function isSuccess({ status }: { status: number }): boolean {
  return status >= 200 && status < 300;
}

function decode(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

function describe({ status, body }: PeerAnswer): string {
  const text = decode(body.subarray(0, 4 * MAX_DETAIL)).replaceAll(/\s+/g, " ").trim();
  return `${status}${text === "" ? "" : `: ${text.slice(0, MAX_DETAIL)}`}`.toWellFormed();
}
