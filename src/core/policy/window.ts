/**
 * Weekly windows of wall-clock time, as people write them: days, from, to, time zone. What a clock on
 * the wall shows decides, so an hour that is skipped is in no window, and one that comes twice in both.
 */
import * as z from "zod";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = typeof DAYS[number];

const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
/** A window that comes at all comes within two weeks: the clocks may skip it once. */
const HORIZON_MS = 15 * DAY_MINUTES * MINUTE_MS;
/** No zone's clocks are moved by more at once. */
const MAX_CLOCK_SHIFT_MINUTES = 120;

const timeOfDay = z.string().regex(
  /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/,
  "must be a time of day, such as 09:00, or 24:00",
);

export const WindowSchema = z.strictObject({
  days: z.array(z.enum(DAYS)).min(1).default([...DAYS]).describe("on which it begins"),
  from: timeOfDay.default("00:00"),
  to: timeOfDay.default("24:00").describe("no longer in it; earlier than `from`: of the next day"),
  timeZone: z.string().refine(isTimeZone, "must be an IANA time zone, such as Europe/Berlin"),
}).refine(({ from, to }) => minuteOf(from) !== minuteOf(to) || to === "24:00", {
  path: ["to"],
  message: "must differ from `from`; for whole days leave both out",
});

export type Window = Readonly<z.infer<typeof WindowSchema>>;

/** @param ms epoch */
export function isInside(window: Window, ms: number): boolean {
  const { day, minute } = wallTime(ms, window.timeZone);
  const from = minuteOf(window.from);
  const to = minuteOf(window.to);
  const begins = (index: number) => window.days.includes(DAYS[(index + 7) % 7]!);
  if (from < to) return begins(day) && minute >= from && minute < to;
  return (begins(day) && minute >= from) || (begins(day - 1) && minute < to);
}

/** The first minute after `fromMs` and before `untilMs` at which it opens or closes; null if none. */
export function nextChange(window: Window, fromMs: number, untilMs: number): number | null {
  const wasInside = isInside(window, fromMs);
  const limitMs = Math.min(untilMs, fromMs + HORIZON_MS);
  const bounds = [minuteOf(window.from), minuteOf(window.to)];
  let ms = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
  for (;;) {
    const { minute } = wallTime(ms, window.timeZone);
    const ahead = Math.min(...bounds.map((bound) => minutesBetween(minute, bound) || DAY_MINUTES));
    const behind = Math.min(...bounds.map((bound) => minutesBetween(bound, minute)));
    // In one stride to where a change of clocks could reach a bound; near one, minute by minute.
    const stride = behind < MAX_CLOCK_SHIFT_MINUTES ? 1 : ahead - MAX_CLOCK_SHIFT_MINUTES;
    ms += Math.max(stride, 1) * MINUTE_MS;
    if (ms >= limitMs) return null;
    if (isInside(window, ms) !== wasInside) return ms;
  }
}

/** `mon-fri 22:00–05:00 Europe/Berlin`. */
export function formatWindow({ days, from, to, timeZone }: Window): string {
  return `${days.length === 7 ? "daily" : days.join(",")} ${from}–${to} ${timeZone}`;
}

/** From one minute of the day to the next time that the other comes. */
function minutesBetween(from: number, to: number): number {
  return (to - from + DAY_MINUTES) % DAY_MINUTES;
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(":");
  return Number(hours) * 60 + Number(minutes);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallTime(ms: number, timeZone: string): { day: number; minute: number } {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(
    format.formatToParts(ms).map(({ type, value }) => [type, value]),
  );
  return {
    day: DAYS.indexOf(parts.weekday!.toLowerCase() as Day),
    minute: Number(parts.hour) * 60 + Number(parts.minute),
  };
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
