import assert from "node:assert/strict";
import fc from "fast-check";
import { TransientError } from "../src/errors.ts";
import { JsonLogger, type LogLevel, SecretMask } from "../src/log.ts";
import { FakeClock } from "./fakes/fake_clock.ts";

function setUp(level: LogLevel = "debug") {
  const mask = new SecretMask();
  const lines: string[] = [];
  const log = new JsonLogger(new FakeClock(), (line) => lines.push(line), level, mask);
  return { mask, lines, log };
}

/** Every text and key in a JSON value. */
function textsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}

Deno.test("log writes one line of JSON: time, level, event, the child's fields, its own", () => {
  const { log, lines } = setUp();
  log.child({ part: "signals", attempt: 1 }).log("info", "batch_sent", { attempt: 2, query: "up" });
  assert.equal(
    lines[0],
    '{"time":"2026-11-22T10:00:00.000Z","level":"info","event":"batch_sent","part":"signals","attempt":2,"query":"up"}',
  );
});

Deno.test("log leaves out what lies below its level", () => {
  const { log, lines } = setUp("warn");
  for (const level of ["debug", "info", "warn", "error"] as const) log.log(level, level);
  assert.deepEqual(lines.map((line) => JSON.parse(line).event), ["warn", "error"]);
});

Deno.test("log lets no field take the place of time, level or event", () => {
  const { log, lines } = setUp();
  log.log("error", "real", { event: "forged", level: "debug", time: "never" });
  const { event, level, time } = JSON.parse(lines[0]!);
  assert.deepEqual([event, level, time], ["real", "error", "2026-11-22T10:00:00.000Z"]);
});

Deno.test("log writes errors with code and hint, and no stack", () => {
  const { log, lines } = setUp();
  log.log("error", "failed", {
    known: new TransientError("timeout", "too slow", { hint: "wait" }),
    bug: new RangeError("index"),
  });
  const { known, bug } = JSON.parse(lines[0]!);
  assert.deepEqual([known, bug], ["timeout: too slow (wait)", "RangeError: index"]);
});

Deno.test("log writes a line even where the fields cannot be written", () => {
  const { log, lines } = setUp();
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const trap = Object.defineProperty({}, "boom", {
    enumerable: true,
    get: () => {
      throw new Error("trap");
    },
  });
  log.log("warn", "circle", { circle });
  log.log("warn", "trap", { trap });
  log.log("warn", "big", { big: 12345678901234567890n, none: undefined });
  const [first, second, third] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([first.event, second.event], ["circle", "trap"]);
  assert.match(second.unloggable, /trap/);
  assert.equal(third.big, "12345678901234567890");
});

Deno.test("SecretMask masks every spelling of a secret, the longer of two that overlap first", () => {
  const { mask } = setUp();
  const secret = 'pass"word\nwith\\quotes';
  mask.add(secret);
  mask.add("token-123");
  mask.add("token-123-and-more");
  for (
    const text of [secret, JSON.stringify(secret), JSON.stringify({ a: JSON.stringify(secret) })]
  ) {
    const masked = mask.apply(`<${text}>`);
    assert.match(masked, /\[masked\]/);
    assert.ok(!masked.includes("word"), masked);
  }
  assert.equal(mask.apply("token-123-and-more token-123"), "[masked] [masked]");
});

Deno.test("SecretMask trims what it is given and passes over texts that might be words", () => {
  const { mask } = setUp();
  assert.equal(mask.add("  token-123\n"), "  token-123\n");
  mask.add("short");
  assert.equal(mask.apply("a token-123, a short word"), "a [masked], a short word");
});

Deno.test("SecretMask stays small, and keeps what is in use", () => {
  const { mask } = setUp();
  const fixed = mask.add("the-fixed-secret");
  for (let index = 0; index < 1000; index++) {
    mask.add(`rotated-token-${index}.`);
    mask.add(fixed);
  }
  assert.equal(mask.apply(fixed), "[masked]");
  assert.equal(mask.apply("rotated-token-999."), "[masked]");
  assert.equal(mask.apply("rotated-token-0."), "rotated-token-0.", "expired long ago");
});

const secretText = fc.oneof(
  fc.string({ minLength: 8, unit: "grapheme" }),
  fc.string({
    minLength: 8,
    unit: fc.constantFrom('"', "\\", "\n", "\t", "é", "漢", "\u2028", "x"),
  }),
  fc.string({ minLength: 8, unit: "binary" }),
).filter((text) => text.trim().length >= 8 && !"[masked]".includes(text.trim()));

/** Ways in which a secret gets into a line. */
const places: ((secret: string) => Record<string, unknown>)[] = [
  (secret) => ({ reason: secret }),
  (secret) => ({ reason: `before ${secret} after` }),
  (secret) => ({ [secret]: 1 }),
  (secret) => ({ deep: { list: [1, { inner: `${secret}${secret}` }] } }),
  (secret) => ({ body: JSON.stringify({ token: secret }) }),
  (secret) => ({ body: JSON.stringify({ quoted: JSON.stringify([secret]) }) }),
  (secret) => ({ error: new Error(`refused: ${secret}`) }),
  (secret) => ({ url: new URL(`https://h/?q=${secret.length}`), secret }),
  (secret) => ({ object: { toJSON: () => ({ secret }) } }),
];

Deno.test("no line ever holds a planted secret, however it is spelled", () => {
  fc.assert(
    fc.property(
      fc.array(secretText, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...places),
      fc.constantFrom<LogLevel>("debug", "info", "warn", "error"),
      (secrets, plant, level) => {
        const { mask, lines, log } = setUp();
        for (const secret of secrets) mask.add(secret);
        for (const secret of secrets) {
          log.child(plant(secret)).log(level, `event ${secret}`, plant(secret));
        }
        for (const line of lines) {
          const texts = textsOf(JSON.parse(line));
          for (const secret of secrets.map((text) => text.trim())) {
            const spellings = [secret, JSON.stringify(secret).slice(1, -1)];
            for (const spelling of spellings) {
              assert.ok(!texts.some((text) => text.includes(spelling)), line);
            }
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
