/**
 * PUT /healthz at the interval that registration named, measured from beat to beat, so that a slow
 * answer shifts nothing. One beat at a time; it reports trouble instead of waiting for it to pass.
 */
import { backoffMs } from "../core/backoff.ts";
import type { HealthBoard } from "../core/health.ts";
import { heartbeatDelayMs } from "../core/heartbeat_schedule.ts";
import type { Heartbeat } from "../core/protocol.ts";
import type { Registration, Session } from "../core/session.ts";
import { ConnectorError, describeError, StalledError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export type HeartbeatSnapshot = Omit<Heartbeat, "schema" | "sequence" | "sentAtMs">;

export interface HeartbeatApi {
  /** null, or how many audit records the other side holds the checkpoint of: it wants a proof from there. */
  sendHeartbeat(
    heartbeat: Heartbeat,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<number | null>;
}

/** The part of the audit log's signed heads that is told what became of them. */
export interface SentHeads {
  acknowledged(): Promise<void>;
  holds(size: number): Promise<void>;
}

export interface HeartbeatPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "heartbeats">;
  readonly api: HeartbeatApi;
  readonly session: Pick<Session, "current" | "ready">;
  readonly snapshot: () => Promise<HeartbeatSnapshot>;
  /** Without it, no head is sent. */
  readonly heads?: SentHeads;
  /** Under which health speaks of it. Default: heartbeat. */
  readonly part?: string;
}

const DEFAULT_PART = "heartbeat";
/** Leaves room for a retry before the next beat. */
const TIMEOUT_SHARE = 0.4;
const SHORTEST_TIMEOUT_MS = 1000;
const RETRY_SHARE = 0.1;

export class HeartbeatLoop {
  #sequence = 0;

  readonly #part: string;

  constructor(private readonly ports: HeartbeatPorts) {
    this.#part = ports.part ?? DEFAULT_PART;
  }

  /** Runs until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, health, random } = this.ports;
    health.report(this.#part, "starting", "waiting for the first registration");
    try {
      for (;;) {
        const { heartbeatMs } = await this.#registered(signal);
        const dueMs = clock.monotonic() + heartbeatDelayMs(heartbeatMs, random.fraction());
        await this.#beatUntil(dueMs, heartbeatMs, signal);
        await clock.sleep(Math.max(0, dueMs - clock.monotonic()), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** While nothing can be sent, health says so: the last good beat must not stand for the present. */
  async #registered(signal: AbortSignal): Promise<Registration> {
    const { health, session } = this.ports;
    if (!session.current() && this.#sequence > 0) {
      health.report(this.#part, "degraded", "waiting for registration");
    }
    return await session.ready(signal);
  }

  /** Tries until one beat arrives or the next one is due. */
  async #beatUntil(dueMs: number, intervalMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.ports;
    const timeoutMs = Math.max(Math.round(intervalMs * TIMEOUT_SHARE), SHORTEST_TIMEOUT_MS);
    const backoff = { baseMs: intervalMs * RETRY_SHARE, maxMs: intervalMs };
    for (let attempt = 0;; attempt += 1) {
      if (await this.#beat(timeoutMs, signal)) return;
      // At least half of the share, so that an immediate failure is not an immediate retry.
      const waitMs = backoffMs(attempt, 0.5 + random.fraction() / 2, undefined, backoff);
      if (clock.monotonic() + waitMs >= dueMs) return;
      await clock.sleep(waitMs, signal);
    }
  }

  async #beat(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { health, logger, metrics } = this.ports;
    try {
      // Asked for another proof, it gives it at once: the beat itself is not late yet.
      if (await this.#send(timeoutMs, signal) !== null) {
        const held = await this.#send(timeoutMs, signal);
        if (held !== null) {
          throw new StalledError(
            "access_denied",
            `the control plane holds a checkpoint of ${held} audit records, and takes no proof from there`,
          );
        }
      }
      metrics.heartbeats.inc({ result: "succeeded" });
      health.report(this.#part, "ok", "acknowledged");
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectorError)) throw error;
      const reason = describeError(error);
      metrics.heartbeats.inc({ result: "failed" });
      health.report(this.#part, error instanceof StalledError ? "stalled" : "degraded", reason);
      logger.log("warn", "heartbeat_failed", { reason, sequence: this.#sequence });
      return false;
    }
  }

  async #send(timeoutMs: number, signal: AbortSignal): Promise<number | null> {
    const { api, clock, heads, snapshot } = this.ports;
    // Before the snapshot, which would otherwise age during a long wait.
    await this.#registered(signal);
    const content = await snapshot();
    // A new number for every attempt: an answer that got lost must not make the next one stale.
    this.#sequence += 1;
    const heartbeat: Heartbeat = {
      schema: "neuralops.io/heartbeat/v1",
      sequence: this.#sequence,
      sentAtMs: clock.now(),
      ...content,
    };
    const held = await api.sendHeartbeat(heartbeat, timeoutMs, signal);
    if (held !== null) await heads?.holds(held);
    else if (content.audit) await heads?.acknowledged();
    return held;
  }
}
