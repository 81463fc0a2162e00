/**
 * The outbound command channel. At least once, in order: a command's id is saved only after the
 * handler has made the command durable, and the control plane is asked for what follows that id.
 */
import { backoffMs } from "../core/backoff.ts";
import type { Command } from "../core/command.ts";
import type { HealthBoard } from "../core/health.ts";
import { ConnectorError, describeError, StalledError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export interface CommandSource {
  /** null when the way to the control plane does not let event streams through. */
  stream(after: string | null, signal: AbortSignal): Promise<AsyncIterable<Command> | null>;
  /** Waits some seconds for commands; empty when none came. */
  poll(after: string | null, signal: AbortSignal): Promise<Command[]>;
}

export interface CommandPosition {
  load(): Promise<string | null>;
  save(lastEventId: string): Promise<void>;
}

export interface CommandPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly source: CommandSource;
  readonly position: CommandPosition;
  /**
   * MUST resolve only once the command is durable, or refused on the record. May see a command twice.
   * Any ConnectorError makes the same command wait and be tried again: it is on no record yet.
   */
  readonly onCommand: (command: Command, signal: AbortSignal) => Promise<void>;
}

const PART = "commands";
const QUICK_BREAK_MS = 10_000;
const QUICK_BREAKS_ALLOWED = 3;
/** After this long on long polls a stream is tried again. */
const POLLING_MS = 600_000;

export class CommandLoop {
  #after: string | null = null;
  #failures = 0;
  #quickBreaks = 0;
  #pollingUntilMs = -Infinity;

  constructor(private readonly ports: CommandPorts) {}

  /** Runs until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, health, position } = this.ports;
    health.report(PART, "starting", "connecting");
    this.#after = await position.load();
    while (!signal.aborted) {
      try {
        if (clock.monotonic() < this.#pollingUntilMs) await this.#poll(signal);
        else await this.#stream(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#backOff(error, signal);
      }
    }
  }

  async #stream(signal: AbortSignal): Promise<void> {
    const { clock, health, source } = this.ports;
    const events = await source.stream(this.#after, signal);
    if (events === null) return this.#usePolling("event streams do not come through");
    const openedMs = clock.monotonic();
    health.report(PART, "ok", "connected, event stream");
    let delivered = false;
    try {
      for await (const command of events) {
        await this.#deliver(command, "stream", signal);
        delivered = true;
      }
      throw new TransientError("unavailable", "The command stream ended");
    } finally {
      const quick = !delivered && clock.monotonic() - openedMs < QUICK_BREAK_MS;
      this.#quickBreaks = quick ? this.#quickBreaks + 1 : 0;
      if (!quick) this.#failures = 0;
      if (this.#quickBreaks >= QUICK_BREAKS_ALLOWED) {
        this.#usePolling("event streams keep breaking");
      }
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { health, source } = this.ports;
    const commands = await source.poll(this.#after, signal);
    this.#failures = 0;
    health.report(PART, "ok", "connected, long poll");
    for (const command of commands) await this.#deliver(command, "poll", signal);
  }

  #usePolling(reason: string): void {
    const { clock, logger } = this.ports;
    this.#quickBreaks = 0;
    this.#failures = 0;
    this.#pollingUntilMs = clock.monotonic() + POLLING_MS;
    logger.log("warn", "commands_by_long_poll", { reason });
  }

  async #deliver(command: Command, transport: string, signal: AbortSignal): Promise<void> {
    const { health, logger, metrics, onCommand, position } = this.ports;
    metrics.commands.inc({ transport });
    for (let attempt = 0;; attempt += 1) {
      try {
        await onCommand(command, signal);
        break;
      } catch (error) {
        if (signal.aborted) throw error;
        if (!(error instanceof ConnectorError)) throw error;
        const reason = describeError(error);
        logger.log("warn", "command_not_taken", { id: command.id, reason, attempt });
        health.report(PART, error instanceof StalledError ? "stalled" : "degraded", reason);
        await this.#pause(attempt, error, signal);
      }
    }
    await position.save(command.id);
    this.#after = command.id;
    health.report(PART, "ok", `connected, ${transport}`);
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof ConnectorError)) throw error;
    const { health, logger } = this.ports;
    const reason = describeError(error);
    health.report(PART, error instanceof StalledError ? "stalled" : "degraded", reason);
    logger.log("info", "commands_interrupted", { reason, failures: this.#failures });
    const attempt = this.#failures;
    this.#failures += 1;
    await this.#pause(attempt, error, signal).catch(() => {});
  }

  async #pause(attempt: number, error: ConnectorError, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.ports;
    const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
    await clock.sleep(backoffMs(attempt, random.fraction(), retryAfterMs), signal);
  }
}
