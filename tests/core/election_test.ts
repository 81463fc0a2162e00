import assert from "node:assert/strict";
import { Candidate, type ElectionTimes, faultOfTimes } from "../../src/core/election.ts";
import { type LeaseRecord, takenBy, UNCLAIMED } from "../../src/core/lease_record.ts";

const TIMES: ElectionTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2000,
};
const WALL = Date.parse("2026-11-22T10:00:00.123Z");

function held(by: string, change: Partial<LeaseRecord> = {}, version = "1") {
  return { record: { ...takenBy(by, null, 15_000, WALL), ...change }, version };
}

Deno.test("faultOfTimes() wants leaseDuration > renewDeadline > 1.2 × retryPeriod", () => {
  assert.equal(faultOfTimes(TIMES), null);
  assert.match(
    faultOfTimes({ ...TIMES, leaseDurationMs: 10_000 })!,
    /^leaseDuration must be longer/,
  );
  assert.match(faultOfTimes({ ...TIMES, renewDeadlineMs: 2400 })!, /^renewDeadline must be longer/);
});

Deno.test("a record is written as client-go writes it", () => {
  assert.deepEqual(takenBy("a", null, 15_000, WALL), {
    holderIdentity: "a",
    leaseDurationSeconds: 15,
    acquireTime: "2026-11-22T10:00:00.123000Z",
    renewTime: "2026-11-22T10:00:00.123000Z",
    leaseTransitions: 0,
  });
  const first = held("a", { leaseTransitions: 3 }).record;
  const renewed = takenBy("a", first, 15_000, WALL + 2000);
  assert.equal(renewed.acquireTime, first.acquireTime);
  assert.equal(renewed.renewTime, "2026-11-22T10:00:02.123000Z");
  assert.equal(renewed.leaseTransitions, 3);
  const taken = takenBy("b", first, 15_000, WALL + 2000);
  assert.equal(taken.acquireTime, "2026-11-22T10:00:02.123000Z");
  assert.equal(taken.leaseTransitions, 4);
  assert.equal(takenBy("a", UNCLAIMED, 14_200, WALL).leaseDurationSeconds, 15);
});

Deno.test("a renewal differs from what it replaces, even while the wall clock stands still", () => {
  const first = takenBy("a", null, 15_000, WALL);
  const second = takenBy("a", first, 15_000, WALL);
  const third = takenBy("a", second, 15_000, WALL);
  assert.notEqual(second.renewTime, first.renewTime);
  assert.notEqual(third.renewTime, second.renewTime);
  assert.match(second.renewTime, /^2026-11-22T10:00:00\.123\d{3}Z$/);
});

Deno.test("a candidate waits for the whole lease from when it last saw it change", () => {
  const b = new Candidate("b", TIMES);
  b.observe(held("a"), 1000);
  assert.equal(b.bid(15_999, WALL), null);
  b.observe(held("a"), 15_000);
  assert.equal(b.bid(15_999, WALL), null, "the same state was seen again: nothing has begun anew");
  assert.equal(b.bid(16_000, WALL)?.holderIdentity, "b");
  b.observe(held("a", {}, "2"), 16_000);
  assert.equal(b.bid(30_999, WALL), null, "its holder lives");
});

Deno.test("a candidate believes the longer of its own lease duration and the holder's", () => {
  const b = new Candidate("b", TIMES);
  b.observe(held("a", { leaseDurationSeconds: 60 }), 0);
  assert.equal(b.bid(59_999, WALL), null);
  assert.notEqual(b.bid(60_000, WALL), null);
  b.observe(held("a", { leaseDurationSeconds: 1 }, "2"), 60_000);
  assert.equal(b.bid(74_999, WALL), null);
});

Deno.test("a candidate takes at once what is free, not there yet, or its own from before a restart", () => {
  const times = { ...TIMES };
  assert.equal(new Candidate("b", times).bid(0, WALL)?.leaseTransitions, 0);
  for (const holder of ["", "b"]) {
    const b = new Candidate("b", times);
    b.observe(held(holder), 0);
    assert.equal(b.bid(0, WALL)?.holderIdentity, "b");
  }
});

Deno.test("a Lease that was deleted does not depose the holder that was seen in it", () => {
  const b = new Candidate("b", TIMES);
  b.observe(held("a"), 0);
  b.observe(null, 5000);
  assert.equal(b.bid(14_999, WALL), null);
  assert.notEqual(b.bid(15_000, WALL), null);
});

Deno.test("trust counts from when the request was sent, lasts the renew deadline, and is extended", () => {
  const a = new Candidate("a", TIMES);
  a.won(held("a"), 1000, 4000);
  assert.equal(a.isTrusted(4000), false, "not before it was announced");
  a.trust();
  assert.equal(a.isTrusted(10_999), true);
  assert.equal(a.isTrusted(11_000), false);
  assert.deepEqual([a.trustEndsMs, a.leaseEndsMs], [11_000, 16_000]);
  a.won(held("a", {}, "2"), 9000, 10_000);
  assert.equal(a.isTrusted(18_999), true);
});

Deno.test("trust that has run out is not revived by a late answer", () => {
  const a = new Candidate("a", TIMES);
  a.won(held("a"), 0, 0);
  a.trust();
  a.won(held("a", {}, "2"), 9000, 10_000);
  assert.equal(a.isTrusted(10_001), false);
});

Deno.test("trust ends when another is seen to hold the Lease, or nobody", () => {
  for (const found of [held("b", {}, "9"), held("", {}, "9"), null]) {
    const a = new Candidate("a", TIMES);
    a.won(held("a"), 0, 0);
    a.trust();
    a.observe(found, 1000);
    assert.equal(a.isTrusted(1000), false);
  }
});

Deno.test("a holder resigns as client-go does, and nobody for another", () => {
  const a = new Candidate("a", TIMES);
  a.won(held("a", { leaseTransitions: 7 }), 0, 0);
  assert.deepEqual(a.resignation(WALL + 1000), {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: "2026-11-22T10:00:01.123000Z",
    renewTime: "2026-11-22T10:00:01.123000Z",
    leaseTransitions: 7,
  });
  a.observe(held("b", {}, "2"), 0);
  assert.equal(a.resignation(WALL), null);
});

Deno.test("a second process under the same identity is noticed, and the one that notices gives way", () => {
  const a = new Candidate("a", TIMES);
  a.observe(held("a"), 0);
  assert.equal(a.hasTwin, false, "left behind by a crash");
  const bid = a.bid(0, WALL)!;
  a.won({ record: bid, version: "2" }, 0, 0);
  a.trust();
  a.observe({ record: bid, version: "3" }, 1000);
  assert.equal(a.isTrusted(1000), true, "someone wrote an annotation");
  const unanswered = a.bid(2000, WALL + 2000)!;
  a.observe({ record: unanswered, version: "4" }, 4000);
  assert.equal(a.isTrusted(4000), true, "our own write, whose answer got lost");
  const twins = takenBy("a", unanswered, 15_000, WALL + 5000);
  a.observe({ record: twins, version: "5" }, 6000);
  assert.deepEqual([a.isTrusted(6000), a.hasTwin], [false, true]);
  assert.equal(a.resignation(WALL), null, "not ours to give up");
  assert.equal(a.bid(20_999, WALL), null);
  assert.notEqual(a.bid(21_000, WALL), null, "the other one went silent");
});
