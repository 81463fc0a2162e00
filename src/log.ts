/**
 * JSON lines on stderr: constant event names, flat fields, no secrets.
 * Secrets are registered as they are read; should one reach a line all the same, it is masked there.
 */
import type { Clock } from "./runtime.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const SHORTEST_SECRET = 8;

export interface Logger {
  log(level: LogLevel, event: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** The last line of defence: texts that must never be printed. */
export class SecretMask {
  readonly #secrets = new Set<string>();

  /** Returns the text itself, so that a read can be wrapped. Short texts are ignored: they would mask words. */
  add(secret: string): string {
    const text = secret.trim();
    if (text.length >= SHORTEST_SECRET) this.#secrets.add(text);
    return secret;
  }

  apply(line: string): string {
    for (const secret of this.#secrets) line = line.replaceAll(secret, "[masked]");
    return line;
  }
}

export class JsonLogger implements Logger {
  constructor(
    private readonly clock: Clock,
    private readonly write: (line: string) => void,
    private readonly level: LogLevel,
    private readonly mask: SecretMask,
    private readonly fields: LogFields = {},
  ) {}

  log(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    const time = new Date(this.clock.now()).toISOString();
    this.write(this.mask.apply(JSON.stringify({ time, level, event, ...this.fields, ...fields })));
  }

  child(fields: LogFields): Logger {
    return new JsonLogger(this.clock, this.write, this.level, this.mask, {
      ...this.fields,
      ...fields,
    });
  }
}
