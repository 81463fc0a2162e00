/** Delivers signed receipts, at least once, oldest first; the outbox keeps them until they arrived. */
import { backoffMs } from "../core/backoff.ts";
import type { HealthBoard } from "../core/health.ts";
import {
  ConnectorError,
  describeError,
  InvalidInputError,
  StalledError,
  TransientError,
} from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export interface UndeliveredReceipt {
  readonly executionId: string;
  /** Compact EdDSA JWS over ReceiptPayload. */
  readonly jws: string;
  /** Names this receipt within the outbox. */
  readonly key: string;
}

export interface ReceiptOutbox {
  undelivered(): Promise<UndeliveredReceipt[]>;
  /** MUST be durable. */
  markDelivered(key: string): Promise<void>;
}

export interface ReceiptApi {
  sendReceipt(executionId: string, jws: string, signal: AbortSignal): Promise<void>;
}

export interface ReceiptPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly outbox: ReceiptOutbox;
  readonly api: ReceiptApi;
  /** Notes the delivery durably, before the outbox does: after a crash in between it is sent, and noted, again. */
  readonly onDelivered: (receipt: UndeliveredReceipt) => Promise<void>;
}

const PART = "receipts";
/** In case a wake-up was missed, as after a change of leadership. */
const POLL_MS = 30_000;

export class ReceiptLoop {
  /** Refused for good; kept in the outbox, and offered again after a restart. */
  readonly #setAside = new Set<string>();
  #failures = 0;
  #wake = new AbortController();

  constructor(private readonly ports: ReceiptPorts) {}

  /** Says that the outbox has something new. */
  wake(): void {
    this.#wake.abort();
  }

  /** Runs until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, health } = this.ports;
    health.report(PART, "ok", "nothing to deliver");
    while (!signal.aborted) {
      // Made before the outbox is read: a wake-up in the meantime is not lost.
      this.#wake = new AbortController();
      try {
        await this.#deliverAll(signal);
        this.#failures = 0;
        await clock.sleep(POLL_MS, AbortSignal.any([signal, this.#wake.signal])).catch(() => {});
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ConnectorError)) throw error;
        this.#report(error);
        const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
        const delayMs = backoffMs(this.#failures, random.fraction(), retryAfterMs);
        this.#failures += 1;
        await clock.sleep(delayMs, signal).catch(() => {});
      }
    }
  }

  /** One that is refused must not hold up the others; an outage holds up all. */
  async #deliverAll(signal: AbortSignal): Promise<void> {
    const { api, health, logger, metrics, onDelivered, outbox } = this.ports;
    let stalled: StalledError | null = null;
    for (const receipt of await outbox.undelivered()) {
      const { executionId, jws, key } = receipt;
      if (this.#setAside.has(key)) continue;
      try {
        await api.sendReceipt(executionId, jws, signal);
      } catch (error) {
        if (error instanceof StalledError) {
          stalled ??= error;
          continue;
        }
        if (!(error instanceof InvalidInputError)) throw error;
        this.#setAside.add(key);
        metrics.receipts.inc({ result: "refused" });
        logger.log("error", "receipt_refused", { executionId, reason: describeError(error) });
        continue;
      }
      await onDelivered(receipt);
      await outbox.markDelivered(key);
      metrics.receipts.inc({ result: "delivered" });
    }
    if (stalled) throw stalled;
    const refused = this.#setAside.size;
    if (refused === 0) health.report(PART, "ok", "all delivered");
    else health.report(PART, "degraded", `${refused} refused by the control plane, see the log`);
  }

  #report(error: ConnectorError): void {
    const { health, logger, metrics } = this.ports;
    const reason = describeError(error);
    metrics.receipts.inc({ result: "failed" });
    health.report(PART, error instanceof StalledError ? "stalled" : "degraded", reason);
    logger.log("warn", "receipts_delayed", { reason, failures: this.#failures + 1 });
  }
}
