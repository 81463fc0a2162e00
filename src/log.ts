/**
 * JSON lines on stderr: constant event names, flat fields, no secrets.
 * Secrets are registered as they are read; should one reach a line all the same, it is masked there.
 */
import { describeError } from "./errors.ts";
import type { Clock } from "./runtime.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const SHORTEST_SECRET = 8;
/** Tokens are replaced for as long as the process lives; those long out of use have expired. */
const MOST_SECRETS = 200;
/** Texts quote texts: an error may hold JSON that holds JSON. */
const QUOTING_DEPTH = 3;

export interface Logger {
  log(level: LogLevel, event: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** The last line of defence: texts that must never be printed. */
export class SecretMask {
  /** Every way in which a secret may be spelled, least recently added first. */
  readonly #spellings = new Map<string, readonly string[]>();
  /** Longest first: of two secrets that overlap, the longer must go whole. */
  #ordered: readonly string[] = [];

  /** Returns the text itself, so that a read can be wrapped. Short texts are ignored: they would mask words. */
  add(secret: string): string {
    const text = secret.trim();
    if (text.length < SHORTEST_SECRET) return secret;
    const spellings = this.#spellings.get(text) ?? spellingsOf(text);
    this.#spellings.delete(text);
    this.#spellings.set(text, spellings);
    if (this.#spellings.size > MOST_SECRETS) {
      this.#spellings.delete(this.#spellings.keys().next().value!);
    }
    this.#ordered = [...this.#spellings.values()].flat().sort((a, b) => b.length - a.length);
    return secret;
  }

  apply(text: string): string {
    for (const spelling of this.#ordered) text = text.replaceAll(spelling, "[masked]");
    return text;
  }
}

function spellingsOf(secret: string): string[] {
  const spellings = new Set([secret]);
  let quoted = secret;
  for (let depth = 0; depth < QUOTING_DEPTH; depth++) {
    quoted = JSON.stringify(quoted).slice(1, -1);
    spellings.add(quoted);
  }
  return [...spellings];
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
    const head = { time: new Date(this.clock.now()).toISOString(), level, event };
    this.write(this.#toLine(head, { ...this.fields, ...fields }));
  }

  child(fields: LogFields): Logger {
    return new JsonLogger(this.clock, this.write, this.level, this.mask, {
      ...this.fields,
      ...fields,
    });
  }

  /** A line whatever the fields hold; `head` wins over a field of the same name. */
  #toLine(head: LogFields, fields: LogFields): string {
    const replacer = (_key: string, value: unknown) => this.#masked(value);
    try {
      return JSON.stringify({ ...head, ...fields, ...head }, replacer);
    } catch (error) {
      return JSON.stringify({ ...head, unloggable: describeError(error) }, replacer);
    }
  }

  /** Masked before it is quoted: in the finished line a secret may be spelled otherwise. */
  #masked(value: unknown): unknown {
    if (typeof value === "string") return this.mask.apply(value);
    if (typeof value === "number" || typeof value === "bigint") {
      const masked = this.mask.apply(String(value));
      return masked === String(value) && typeof value === "number" ? value : masked;
    }
    if (value instanceof Error) return this.mask.apply(describeError(value));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [this.mask.apply(key), inner]),
    );
  }
}
