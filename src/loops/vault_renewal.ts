/** Keeps the Vault token alive, ahead of its end, and says in health how that goes. */
import { backoffMs } from "../core/backoff.ts";
import type { HealthBoard } from "../core/health.ts";
import { ConnectorError, describeError, StalledError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock, Random } from "../runtime.ts";

export interface RenewableToken {
  /** Milliseconds until it wants to be called again. */
  renew(signal: AbortSignal): Promise<number>;
}

export interface VaultRenewalPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly vault: RenewableToken;
}

const PART = "vault";

/** Runs until the signal aborts; resolves then. */
export async function runVaultRenewal(
  ports: VaultRenewalPorts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, health, logger, vault } = ports;
  health.report(PART, "starting", "logging in");
  let failures = 0;
  while (!signal.aborted) {
    let delayMs: number;
    try {
      delayMs = await vault.renew(signal);
      failures = 0;
      health.report(PART, "ok", "token valid");
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConnectorError)) throw error;
      const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
      delayMs = backoffMs(failures, random.fraction(), retryAfterMs);
      failures += 1;
      const reason = describeError(error);
      health.report(PART, error instanceof StalledError ? "stalled" : "degraded", reason);
      logger.log("warn", "vault_renewal_failed", { reason, failures });
    }
    await clock.sleep(delayMs, signal).catch(() => {});
  }
}
