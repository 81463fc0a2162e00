/**
 * Keeps the connector registered: identity from Vault, access token from the control plane, renewed
 * at two thirds of its life and at once when any call learns that it is no longer taken.
 */
import type { AuditLog } from "../core/audit.ts";
import { backoffMs } from "../core/backoff.ts";
import type { ConnectorKey } from "../core/connector_key.ts";
import type { HealthBoard } from "../core/health.ts";
import type { RegisterRequest, RegisterResponse } from "../core/protocol.ts";
import { refreshDelayMs } from "../core/refresh_schedule.ts";
import { buildRegisterRequest } from "../core/register_request.ts";
import type { ClusterIdentity, Session } from "../core/session.ts";
import { ConnectorError, describeError, StalledError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export interface IdentityProvider {
  /** A JWT that Vault signed; new for every registration. */
  identityToken(signal: AbortSignal): Promise<string>;
}

export interface RegistrationApi {
  /** Throws StalledError `identity_rejected` when the control plane does not accept the identity. */
  register(request: RegisterRequest, signal: AbortSignal): Promise<RegisterResponse>;
}

export interface IdentityStore {
  load(): Promise<ClusterIdentity | null>;
  save(identity: ClusterIdentity): Promise<void>;
}

export interface RegistrationPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "registrations">;
  readonly audit: AuditLog;
  readonly identity: IdentityProvider;
  readonly api: RegistrationApi;
  readonly store: IdentityStore;
  readonly session: Session;
  readonly key: ConnectorKey;
  /** Base URL of the control plane: the audience of the proof of possession. */
  readonly audience: string;
  readonly cluster: () => Promise<RegisterRequest["cluster"]>;
  /** One of many, which registers for its node's signals alone. */
  readonly collector?: RegisterRequest["collector"];
  /** Under which health speaks of it. Default: registration. */
  readonly part?: string;
  /** What many begin at once they do at random times within this span. Default: at once. */
  readonly spreadMs?: number;
}

const DEFAULT_PART = "registration";
/** A token that dies younger than this counts as a failure, so that a confused peer is not hammered. */
const SHORT_LIFE_MS = 10_000;

export class RegistrationLoop {
  #failures = 0;
  /** The last audited outcome; only changes are recorded. */
  #audited = "";
  #clusterChange: string | null = null;

  readonly #part: string;

  constructor(private readonly ports: RegistrationPorts) {
    this.#part = ports.part ?? DEFAULT_PART;
  }

  /** Runs until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, health, session } = this.ports;
    health.report(this.#part, "starting", "registering");
    await this.#restore();
    await this.#spread(signal);
    while (!signal.aborted) {
      try {
        const startedMs = clock.monotonic();
        const lifetimeMs = await this.#register(signal);
        await this.#succeeded();
        await this.#untilRefresh(lifetimeMs, signal);
        const lostEarly = session.invalidated.aborted &&
          clock.monotonic() - startedMs < SHORT_LIFE_MS;
        // The first loss is answered at once, as after a restart of the control plane.
        this.#failures = lostEarly ? this.#failures + 1 : 0;
        if (this.#failures > 1) await this.#backOff(undefined, signal);
        else if (session.invalidated.aborted) await this.#spread(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error);
        const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
        this.#failures += 1;
        await this.#backOff(retryAfterMs, signal);
      }
    }
  }

  async #restore(): Promise<void> {
    try {
      const known = await this.ports.store.load();
      if (known) this.ports.session.restore(known);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      this.ports.logger.log("error", "registration_unreadable", { reason: describeError(error) });
    }
  }

  async #register(signal: AbortSignal): Promise<number> {
    const { api, audience, cluster, clock, collector, identity, key, random, session } = this.ports;
    // Vault and the API server are asked at the same time. Both are waited for: nothing of an attempt that
    // failed is under way in the next one.
    const [token, facts] = await Promise.allSettled([identity.identityToken(signal), cluster()]);
    if (token.status === "rejected") throw token.reason;
    if (facts.status === "rejected") throw facts.reason;
    const request = await buildRegisterRequest({
      key,
      audience,
      identityToken: token.value,
      cluster: facts.value,
      ...(collector ? { collector } : {}),
      nowMs: clock.now(),
      jti: random.uuid(),
    });
    // Counted from before the call: the token's life began no later than that on the other side.
    const askedMs = clock.monotonic();
    const answer = await api.register(request, signal);
    const lifetimeMs = answer.expiresInSeconds * 1000;
    const before = session.identity();
    session.set({
      clusterId: answer.clusterId,
      orchestrator: answer.orchestrator,
      accessToken: answer.accessToken,
      expiresAtMonotonicMs: askedMs + lifetimeMs,
      heartbeatMs: answer.intervals.heartbeatSeconds * 1000,
    });
    await this.#keep(before, { clusterId: answer.clusterId, orchestrator: answer.orchestrator });
    return lifetimeMs;
  }

  async #keep(before: ClusterIdentity | null, now: ClusterIdentity): Promise<void> {
    if (before && before.clusterId !== now.clusterId) {
      this.#clusterChange = `the cluster id changed from ${before.clusterId} to ${now.clusterId}`;
      this.ports.logger.log("error", "cluster_id_changed", {
        before: before.clusterId,
        now: now.clusterId,
      });
      await this.#record("registration.cluster_changed", now.clusterId, {
        before: before.clusterId,
      });
    }
    if (JSON.stringify(before) !== JSON.stringify(now)) await this.ports.store.save(now);
  }

  async #succeeded(): Promise<void> {
    const { health, logger, metrics, session } = this.ports;
    const clusterId = session.identity()?.clusterId ?? "";
    metrics.registrations.inc({ result: "succeeded" });
    logger.log("info", "registered", { clusterId });
    if (this.#clusterChange === null) health.report(this.#part, "ok", `registered as ${clusterId}`);
    else {health.report(
        this.#part,
        "degraded",
        `${this.#clusterChange}: check that this was intended`,
      );}
    await this.#recordOnce(`succeeded ${clusterId}`, "registration.succeeded", clusterId, {});
  }

  async #failed(error: unknown): Promise<void> {
    if (!(error instanceof ConnectorError)) throw error;
    const { health, logger, metrics, session } = this.ports;
    const reason = describeError(error);
    metrics.registrations.inc({ result: "failed" });
    logger.log("warn", "registration_failed", { reason, failures: this.#failures + 1 });
    health.report(this.#part, error instanceof StalledError ? "stalled" : "degraded", reason);
    const subject = session.identity()?.clusterId ?? "unregistered";
    await this.#recordOnce(`failed ${error.code}`, "registration.failed", subject, {
      code: error.code,
    });
  }

  async #recordOnce(outcome: string, type: string, subject: string, data: Record<string, string>) {
    if (this.#audited === outcome) return;
    if (await this.#record(type, subject, data)) this.#audited = outcome;
  }

  /** An audit log that is down stops changes to the cluster, but not registration. */
  async #record(type: string, subject: string, data: Record<string, string>): Promise<boolean> {
    try {
      const { audit, collector } = this.ports;
      await audit.record({ type, actor: "connector", subject, data: { ...data, ...collector } });
      return true;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      this.ports.logger.log("error", "audit_failed", { reason: describeError(error) });
      return false;
    }
  }

  async #untilRefresh(lifetimeMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random, session } = this.ports;
    const wake = AbortSignal.any([signal, session.invalidated]);
    await clock.sleep(refreshDelayMs(lifetimeMs, random.fraction()), wake).catch(() => {});
  }

  /** After what all see at the same time: a roll-out, or an end of every token. */
  async #spread(signal: AbortSignal): Promise<void> {
    const { clock, random, spreadMs } = this.ports;
    if (spreadMs) await clock.sleep(random.fraction() * spreadMs, signal).catch(() => {});
  }

  async #backOff(retryAfterMs: number | undefined, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.ports;
    const delayMs = backoffMs(this.#failures - 1, random.fraction(), retryAfterMs);
    await clock.sleep(delayMs, signal).catch(() => {});
  }
}
