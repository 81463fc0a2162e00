import assert from "node:assert/strict";
import fc from "fast-check";
import { isInside, nextChange, WindowSchema } from "../../src/core/policy/window.ts";

const MINUTE = 60_000;
const at = (iso: string) => Date.parse(iso);
const window = (parts: object) => WindowSchema.parse({ timeZone: "Europe/Berlin", ...parts });
const iso = (ms: number | null) => ms === null ? null : new Date(ms).toISOString();

Deno.test("a window without days and times is always open", () => {
  const always = window({});
  assert.ok(isInside(always, at("2026-03-29T02:30:00Z")));
  assert.equal(nextChange(always, 0, Infinity), null);
});

Deno.test("a window over midnight belongs to the day on which it begins", () => {
  const friday = window({ days: ["fri"], from: "22:00", to: "06:00" });
  assert.ok(isInside(friday, at("2026-11-27T22:00:00+01:00")));
  assert.ok(isInside(friday, at("2026-11-28T05:59:00+01:00")));
  assert.ok(!isInside(friday, at("2026-11-28T06:00:00+01:00")));
  assert.ok(!isInside(friday, at("2026-11-28T22:30:00+01:00")));
  assert.ok(!isInside(friday, at("2026-11-27T05:00:00+01:00")));
});

Deno.test("a window goes by the clock on the wall when clocks are moved", () => {
  const early = window({ from: "02:15", to: "02:45" });
  // 29 March 2026: 02:00 becomes 03:00, so the window does not come that day.
  assert.equal(
    iso(nextChange(early, at("2026-03-29T00:00:00+01:00"), Infinity)),
    iso(at("2026-03-30T02:15:00+02:00")),
  );
  // 25 October 2026: 03:00 becomes 02:00, so it comes twice.
  const opens = nextChange(early, at("2026-10-25T00:00:00+02:00"), Infinity)!;
  assert.equal(iso(opens), iso(at("2026-10-25T02:15:00+02:00")));
  const closes = nextChange(early, opens, Infinity)!;
  assert.equal(iso(nextChange(early, closes, Infinity)), iso(at("2026-10-25T02:15:00+01:00")));
  const night = window({ from: "22:00", to: "05:00" });
  const hours = (from: string, to: string) => (at(to) - at(from)) / 3_600_000;
  const start = at("2026-03-28T22:00:00+01:00");
  assert.equal(iso(nextChange(night, start, Infinity)), iso(at("2026-03-29T05:00:00+02:00")));
  assert.equal(hours("2026-03-28T22:00:00+01:00", "2026-03-29T05:00:00+02:00"), 6);
});

Deno.test("nextChange looks no further than it is asked to", () => {
  const monday = window({ days: ["mon"], from: "09:00", to: "10:00" });
  const wednesday = at("2026-11-25T12:00:00Z");
  assert.equal(nextChange(monday, wednesday, wednesday + 60 * MINUTE), null);
  assert.equal(iso(nextChange(monday, wednesday, Infinity)), "2026-11-30T08:00:00.000Z");
});

Deno.test("nextChange misses no change, minute by minute, across changes of clocks", () => {
  const time = fc.tuple(fc.nat(23), fc.nat(59))
    .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
  const starts = [
    "2026-03-28T20:00:00Z",
    "2026-10-24T20:00:00Z",
    "2026-10-03T10:00:00Z",
    "2026-07-01T00:00:00Z",
  ];
  fc.assert(
    fc.property(
      time,
      time,
      fc.constantFrom("Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"),
      fc.constantFrom(...starts),
      fc.nat(600),
      (from, to, timeZone, start, offset) => {
        fc.pre(from !== to);
        const tested = window({ from, to, timeZone });
        const startMs = at(start) + offset * MINUTE;
        let expected = startMs + MINUTE;
        while (isInside(tested, expected) === isInside(tested, startMs)) expected += MINUTE;
        assert.equal(iso(nextChange(tested, startMs, Infinity)), iso(expected));
      },
    ),
    { numRuns: 200 },
  );
});
