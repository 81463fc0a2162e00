/**
 * Two candidates and one Lease in simulated time. Whatever is late, lost or paused, and however their
 * clocks differ within the bound, at no moment do both trust that they lead.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Candidate, type ElectionTimes } from "../../src/core/election.ts";
import type { LeaseRecord } from "../../src/core/lease_record.ts";

const TIMES: ElectionTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2000,
};
/** As far apart as leaseDuration / renewDeadline allows. */
const SLOWEST = 0.82;
const FASTEST = 1.22;
const CALL_TIMEOUT_MS = 5000;
/** A wall clock that stands still is the worst of them: no two records differ by themselves. */
const WALL = Date.parse("2026-11-22T10:00:00Z");

/** One round of a candidate: what its calls and it itself are held up by, in true milliseconds. */
interface Round {
  readonly pause: number;
  readonly toServer: number;
  readonly fromServer: number;
  readonly toServerAgain: number;
  readonly fromServerAgain: number;
  /** Before it looks at an answer that has come: stopped, swapped out, collecting garbage. */
  readonly stall: number;
  readonly ending: "goes on" | "crashes" | "resigns";
}

interface Life {
  readonly rate: number;
  readonly offset: number;
  readonly rounds: readonly Round[];
  /** How late each change of the Lease is told it by a watch, over and over; null for never. */
  readonly told: readonly (number | null)[];
}

const delay = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 300, max: 40_000 }) },
);
const round: fc.Arbitrary<Round> = fc.record({
  pause: fc.oneof(fc.integer({ min: 1, max: 2400 }), fc.integer({ min: 1, max: 30_000 })),
  toServer: delay,
  fromServer: delay,
  toServerAgain: delay,
  fromServerAgain: delay,
  stall: fc.oneof(fc.constant(0), delay),
  ending: fc.oneof(
    { weight: 12, arbitrary: fc.constant("goes on" as const) },
    { weight: 1, arbitrary: fc.constantFrom("crashes" as const, "resigns" as const) },
  ),
});
const life: fc.Arbitrary<Life> = fc.record({
  rate: fc.double({ min: SLOWEST, max: FASTEST, noNaN: true }),
  offset: fc.integer({ min: 0, max: 1_000_000 }),
  rounds: fc.array(round, { minLength: 5, maxLength: 40 }),
  told: fc.array(fc.oneof(delay, fc.constant(null)), { minLength: 1, maxLength: 10 }),
});

interface Stored {
  readonly record: LeaseRecord;
  readonly version: string;
}

class World {
  now = 0;
  lease: Stored | null = null;
  readonly watchers: ((lease: Stored) => void)[] = [];
  #versions = 0;
  #events: { at: number; run: () => void }[] = [];

  at(at: number, run: () => void): void {
    this.#events.push({ at, run });
  }

  run(): void {
    for (;;) {
      const next = this.#events.reduce<{ at: number; run: () => void } | null>(
        (first, event) => first && first.at <= event.at ? first : event,
        null,
      );
      if (!next) return;
      this.#events = this.#events.filter((event) => event !== next);
      this.now = next.at;
      next.run();
    }
  }

  /** A PUT or POST with optimistic locking; null for a conflict. A write that changes nothing is none. */
  write(record: LeaseRecord, expected: Stored | null): Stored | null {
    if ((this.lease?.version ?? null) !== (expected?.version ?? null)) return null;
    if (JSON.stringify(record) === JSON.stringify(this.lease?.record)) return this.lease;
    const lease = this.lease = { record, version: String(this.#versions += 1) };
    for (const watcher of this.watchers) watcher(lease);
    return lease;
  }
}

/** Spans of true time in which a candidate trusts itself. */
type Span = readonly [from: number, to: number];

function live(world: World, identity: string, { rate, offset, rounds, told }: Life): Span[] {
  const spans: Span[] = [];
  const local = () => offset + world.now * rate;
  let candidate = new Candidate(identity, TIMES);
  let stored: Stored | null = null;
  let isCurrent = false;
  let isFollowing = false;
  let changes = 0;
  world.watchers.push((lease) => {
    const lateMs = told[changes++ % told.length];
    if (typeof lateMs !== "number") return;
    world.at(world.now + lateMs, () => {
      if (!isFollowing) return;
      candidate.observe(lease, local());
      note();
    });
  });

  /** Extends the span that is open, or begins one; cut off where trust ends before its time. */
  const note = () => {
    const last = spans.at(-1);
    if (!candidate.isTrusted(local())) {
      if (last && last[1] > world.now) spans[spans.length - 1] = [last[0], world.now];
      return;
    }
    const until = (candidate.trustEndsMs - offset) / rate;
    if (last && last[1] >= world.now) spans[spans.length - 1] = [last[0], until];
    else spans.push([world.now, until]);
  };
  /** `reply` comes unless the caller has given up; the server acts all the same. */
  const call = <T>(
    there: number,
    back: number,
    act: () => T,
    reply: (answer: T | null) => void,
  ) => {
    const begun = world.now;
    world.at(begun + there, () => {
      const answer = act();
      if (there + back <= CALL_TIMEOUT_MS) world.at(begun + there + back, () => reply(answer));
    });
    if (there + back > CALL_TIMEOUT_MS) world.at(begun + CALL_TIMEOUT_MS, () => reply(null));
  };

  const begin = (index: number): void => {
    const current = rounds[index];
    if (!current) return;
    const { ending, stall } = current;
    isFollowing = false;
    const next = () => {
      note();
      // What a leader is told it has seen itself: it does not watch.
      isFollowing = !isCurrent;
      if (ending === "crashes") {
        candidate = new Candidate(identity, TIMES);
        isCurrent = false;
        note();
      }
      const mine = ending === "resigns" && candidate.isTrusted(local()) &&
        candidate.resignation(WALL);
      if (mine) {
        candidate.distrust();
        isCurrent = false;
        note();
        const previous = stored;
        world.at(world.now + current.toServer, () => world.write(mine, previous));
      }
      world.at(world.now + current.pause, () => begin(index + 1));
    };
    const bid = () => {
      isCurrent = false;
      const record = candidate.bid(local(), WALL);
      if (!record) return next();
      const sentMs = local();
      const previous = stored;
      const act = () => world.write(record, previous);
      call(current.toServerAgain, current.fromServerAgain, act, (answer) => {
        world.at(world.now + stall, () => {
          if (answer) {
            stored = answer;
            isCurrent = true;
            candidate.won(answer, sentMs, local());
            candidate.trust();
          }
          next();
        });
      });
    };
    if (isCurrent) return bid();
    const read = () => ({ lease: world.lease });
    call(current.toServer, current.fromServer, read, (answer) => {
      world.at(world.now + stall, () => {
        if (!answer) return next();
        stored = answer.lease;
        candidate.observe(stored, local());
        note();
        bid();
      });
    });
  };
  world.at(0, () => begin(0));
  return spans;
}

function overlap(a: readonly Span[], b: readonly Span[]): [Span, Span] | undefined {
  for (const one of a) {
    for (const other of b) if (one[0] < other[1] && other[0] < one[1]) return [one, other];
  }
}

Deno.test("two candidates never both trust that they lead", () => {
  let led = 0;
  let changes = 0;
  fc.assert(
    fc.property(life, life, (one, two) => {
      const world = new World();
      const a = live(world, "a", one);
      const b = live(world, "b", two);
      world.run();
      assert.equal(overlap(a, b), undefined);
      led += a.length + b.length > 0 ? 1 : 0;
      changes += a.length > 0 && b.length > 0 ? 1 : 0;
    }),
    { numRuns: 500 },
  );
  // Otherwise the property would say nothing.
  assert.ok(led > 400, `led in ${led} of 500 runs`);
  assert.ok(changes > 100, `changed hands in ${changes} of 500 runs`);
});
