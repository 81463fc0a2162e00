/**
 * Calls to the control plane. Each answer becomes a result or the error that says what to do about
 * it; a 401 ends the access token for every caller at once.
 */
import {
  CommandPage,
  type Heartbeat,
  Problem,
  type RegisterRequest,
  RegisterResponse,
} from "../core/protocol.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { SignalsPacker } from "../core/signals/pack/signals_packer.ts";
import type { OutgoingBatch, PackedWindow, Packer } from "../core/signals/series_handler.ts";
import { InvalidInputError, StalledError, TransientError } from "../errors.ts";
import type { Peer, PeerAnswer, PeerRequest } from "./peer.ts";
import type { z } from "zod";

const MAX_DETAIL_CHARS = 300;
/** Statuses that speak of what was sent, not of where or when. */
const CONTENT_REFUSALS = new Set([400, 409, 413, 415, 422]);
/** What a proxy adds to a long poll at most. */
const POLL_SLACK_MS = 10_000;

/** The part of the session that calls need. */
export interface AccessTokens {
  ready(signal: AbortSignal): Promise<{ readonly accessToken: string }>;
  invalidate(accessToken: string): void;
}

export class ControlPlane {
  constructor(private readonly peer: Peer, private readonly tokens: AccessTokens) {}

  /** Resolves once calls can carry an access token. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.tokens.ready(signal);
  }

  async register(request: RegisterRequest, signal: AbortSignal): Promise<RegisterResponse> {
    const answer = await this.peer.send({ ...json("POST", "/register", request), signal });
    if (answer.status === 401 || answer.status === 403) {
      throw new StalledError(
        "identity_rejected",
        `${this.peer.name} refused the registration: ${describeProblem(answer)}`,
        { hint: "check that the control plane trusts this Vault's identity tokens for this role" },
      );
    }
    this.#check(answer, "POST /register");
    return this.#parse(RegisterResponse, answer, "POST /register");
  }

  pack(window: PackedWindow): Packer {
    return new SignalsPacker(window, "zstd");
  }

  /** One batch of signals. The same batch again has the same `idempotency-key`. */
  async send(
    { headers, body }: Pick<OutgoingBatch, "headers" | "body">,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call({ method: "POST", path: "/signals", headers, body }, signal);
  }

  /**
   * @param timeoutMs so that a slow answer cannot delay the next heartbeat
   * @returns null when it was taken, or how many records the checkpoint covers that is held: it was
   *   not taken then, and wants a proof from there
   */
  async sendHeartbeat(
    heartbeat: Heartbeat,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<number | null> {
    let held: number | null = null;
    const request = { ...json("PUT", "/healthz", heartbeat), timeoutMs };
    await this.#call(request, signal, (answer) => (held = heldSize(answer)) !== null);
    return held;
  }

  /** @param jws compact EdDSA JWS over ReceiptPayload */
  async sendReceipt(executionId: string, jws: string, signal: AbortSignal): Promise<void> {
    const path = `/executions/${encodeURIComponent(executionId)}/receipts`;
    await this.#call(json("POST", path, { receipt: jws }), signal);
  }

  /** Commands after `after`, oldest first; the control plane may hold the call for `waitSeconds`. */
  async pollCommands(
    after: string | null,
    waitSeconds: number,
    maxResponseBytes: number,
    signal: AbortSignal,
  ): Promise<CommandPage["commands"]> {
    const query = new URLSearchParams({ wait: String(waitSeconds) });
    if (after !== null) query.set("after", after);
    const answer = await this.#call({
      method: "GET",
      path: `/commands?${query}`,
      headers: { accept: "application/json" },
      timeoutMs: waitSeconds * 1000 + POLL_SLACK_MS,
      maxResponseBytes,
    }, signal);
    return this.#parse(CommandPage, answer, "GET /commands").commands;
  }

  /** The raw answer to a request for an event stream, authentication checked. The caller owns the body. */
  async openCommands(after: string | null, signal: AbortSignal): Promise<Response> {
    const { accessToken } = await this.tokens.ready(signal);
    const response = await this.peer.open({
      method: "GET",
      path: "/commands",
      headers: {
        accept: "text/event-stream",
        authorization: `Bearer ${accessToken}`,
        ...(after === null ? {} : { "last-event-id": after }),
      },
      signal,
    });
    const failure = this.#failure(response, "GET /commands", accessToken);
    if (!failure) return response;
    await response.body?.cancel();
    throw failure;
  }

  async #call(
    request: PeerRequest,
    signal: AbortSignal,
    isExpected: (answer: PeerAnswer) => boolean = () => false,
  ): Promise<PeerAnswer> {
    const { accessToken } = await this.tokens.ready(signal);
    const headers = { ...request.headers, authorization: `Bearer ${accessToken}` };
    const answer = await this.peer.send({ ...request, headers, signal });
    const path = request.path.split("?")[0]!;
    if (!isExpected(answer)) this.#check(answer, `${request.method} ${path}`, accessToken);
    return answer;
  }

  #check(answer: PeerAnswer, what: string, accessToken?: string): void {
    const failure = this.#failure(answer, what, accessToken);
    if (failure) throw failure;
    if (answer.status >= 200 && answer.status < 300) return;
    const text = `${this.peer.name} refused ${what}: ${describeProblem(answer)}`;
    if (CONTENT_REFUSALS.has(answer.status)) {
      throw new InvalidInputError(answer.status === 413 ? "too_large" : "malformed_request", text, {
        hint: "sending the same again cannot help; compare the versions of both sides",
      });
    }
    // A 404 from a wrong address must not make anyone give up data as unacceptable.
    throw new StalledError("config_invalid", text, { hint: "check controlPlane.url" });
  }

  /** What the status alone decides. */
  #failure(answer: { status: number; headers: Headers }, what: string, accessToken?: string) {
    if (answer.status === 401 && accessToken !== undefined) {
      this.tokens.invalidate(accessToken);
      return new TransientError(
        "unavailable",
        `${this.peer.name} no longer accepts the access token; registering again`,
      );
    }
    if (answer.status === 403) {
      return new StalledError("access_denied", `${this.peer.name} does not allow ${what}`, {
        hint: "ask the control plane's operator what this cluster is permitted",
      });
    }
    return this.peer.transient(answer, what);
  }

  #parse<T>(schema: z.ZodType<T>, answer: PeerAnswer, what: string): T {
    const parsed = schema.safeParse(parseJson(answer.body));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new InvalidInputError(
      "malformed_answer",
      `${this.peer.name} answered ${what} with something else than its API promises: ` +
        `"${issue?.path.join(".") ?? ""}" ${issue?.message ?? ""}`,
      { hint: "check controlPlane.url and the versions of both sides" },
    );
  }
}

function json(method: string, path: string, body: unknown): PeerRequest {
  return {
    method,
    path,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

function heldSize(answer: PeerAnswer): number | null {
  if (answer.status !== 409) return null;
  return Problem.safeParse(parseJson(answer.body)).data?.auditSize ?? null;
}

/** The problem document (RFC 9457) in one bounded line. */
function describeProblem(answer: PeerAnswer): string {
  const problem = Problem.safeParse(parseJson(answer.body));
  if (!problem.success) return `status ${answer.status}`;
  const { code, detail } = problem.data;
  return `${answer.status} ${code}: ${detail}`.slice(0, MAX_DETAIL_CHARS);
}
