import assert from "node:assert/strict";
import { HealthBoard } from "../../src/core/health.ts";
import { RETRY_JITTER } from "../../src/core/election.ts";
import { released, takenBy } from "../../src/core/lease_record.ts";
import { StalledError, TransientError } from "../../src/errors.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { LeaderElection } from "../../src/loops/leadership.ts";
import { WATCH_MS } from "../../src/loops/standby.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { MemoryAudit } from "../fakes/control_plane_fixture.ts";
import { TIMES } from "../fakes/electorate.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { MemoryLease } from "../fakes/memory_lease.ts";

const WALL = Date.parse("2026-11-22T10:00:00Z");
const CANNOT_WATCH = new StalledError("access_denied", "cannot watch");
const AWAY = new TransientError("unavailable", "connection refused");

/** Standbys of one Lease that a leader, who is none of them, holds and renews. */
class Stand implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly lease = new MemoryLease();
  readonly health = new HealthBoard(() => this.clock.now());
  readonly lines: string[] = [];
  readonly elections: LeaderElection[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  /** @param fractions what each of them draws, whenever it draws */
  static async open(fractions: readonly number[], refusal?: Error): Promise<Stand> {
    const stand = new Stand();
    stand.renew();
    stand.lease.refusal.watch = refusal ?? null;
    for (const [index, fraction] of fractions.entries()) stand.#add(`standby-${index}`, fraction);
    await stand.settled();
    return stand;
  }

  #add(identity: string, fraction: number): void {
    const election = new LeaderElection({
      store: this.lease,
      identity,
      times: TIMES,
      audit: new MemoryAudit(),
      clock: this.clock,
      random: { ...systemRuntime().random, fraction: () => fraction },
      logger: new JsonLogger(
        this.clock,
        (line) => this.lines.push(line),
        "debug",
        new SecretMask(),
      ),
      health: this.health,
    });
    this.elections.push(election);
    this.#running.push(
      election.run(
        this.#stop.signal,
        (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      ),
    );
  }

  renew(): void {
    const before = this.lease.stored?.record ?? null;
    this.lease.set(takenBy("leader", before, TIMES.leaseDurationMs, WALL));
  }

  release(): void {
    this.lease.set(released(this.lease.stored!.record, WALL));
  }

  /** Once all of them sleep: in a watch, or between two attempts; a leader twice. */
  async settled(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const leaders = this.elections.filter((one) => one.isLeader()).length;
      if (this.clock.sleeping === this.elections.length + leaders) return;
    }
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settled();
  }

  get leaders(): number {
    return this.elections.filter((one) => one.isLeader()).length;
  }

  get reason(): string {
    return this.health.get("leadership")!.reason;
  }

  count(event: string): number {
    return this.lines.filter((line) => JSON.parse(line).event === event).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("stopping", "AbortError"));
    await Promise.all(this.#running);
    assert.equal(this.lease.openWatches, 0);
  }
}

Deno.test("a standby asks nothing of the API server while it sees the Lease renewed", async () => {
  await using stand = await Stand.open([0.5]);
  for (let round = 0; round < 300; round += 1) {
    stand.renew();
    await stand.pass(TIMES.retryPeriodMs);
  }
  assert.deepEqual(stand.lease.asked, { read: 1, write: 0, watch: 1 });
  const [lengthMs] = stand.lease.watchMs as [number];
  assert.equal(lengthMs, (WATCH_MS.least + WATCH_MS.most) / 2);
  assert.equal(stand.reason, "stands by; leader leads");
  assert.equal(stand.count("standing_by"), 1);
});

Deno.test("when a leader goes silent one of a hundred standbys writes, and the others need not ask", async () => {
  const fractions = Array.from({ length: 100 }, (_, index) => (index + 1) / 101);
  await using stand = await Stand.open(fractions);
  await stand.pass(TIMES.leaseDurationMs);
  assert.deepEqual([stand.leaders, stand.lease.asked.write], [0, 0]);
  await stand.pass(TIMES.retryPeriodMs / 101);
  assert.ok(stand.elections[0]!.isLeader());
  assert.deepEqual(stand.lease.asked, { read: 101, write: 1, watch: 100 });
  await stand.pass(TIMES.retryPeriodMs * RETRY_JITTER);
  assert.equal(stand.leaders, 1);
  assert.deepEqual(stand.lease.asked, { read: 101, write: 2, watch: 100 }, "it was renewed");
});

Deno.test("a Lease that was given up is taken within one retryPeriod, by one write", async () => {
  await using stand = await Stand.open([0.9, 0.2, 0.6]);
  await stand.pass(1000);
  stand.release();
  await stand.settled();
  await stand.pass(0.2 * TIMES.retryPeriodMs - 1);
  assert.deepEqual([stand.leaders, stand.lease.asked.write], [0, 0]);
  await stand.pass(1);
  assert.ok(stand.elections[1]!.isLeader());
  assert.deepEqual(stand.lease.asked, { read: 4, write: 1, watch: 3 });
});

Deno.test("a watch that went dead is noticed by its silence, which is no reason to write", async () => {
  await using stand = await Stand.open([0]);
  await stand.pass(1000);
  stand.lease.stall();
  for (let round = 0; round < 6; round += 1) {
    stand.renew();
    await stand.pass(TIMES.retryPeriodMs);
  }
  assert.equal(stand.lease.asked.read, 1, "13 s");
  await stand.pass(TIMES.retryPeriodMs);
  assert.deepEqual(stand.lease.asked, { read: 2, write: 0, watch: 2 }, "15 s");
  assert.equal(stand.lease.watchedFrom.at(-1), stand.lease.stored!.version);
  // From the read on the new state has to be old enough as well.
  stand.lease.stall();
  await stand.pass(TIMES.leaseDurationMs - 1);
  assert.equal(stand.lease.asked.write, 0);
  await stand.pass(1);
  assert.equal(stand.leaders, 1);
});

Deno.test("a watch that ended, or lost its history, is begun anew after a read", async () => {
  await using stand = await Stand.open([0.5]);
  stand.lease.endWatches();
  await stand.settled();
  await stand.pass(0.5 * TIMES.retryPeriodMs);
  assert.deepEqual(stand.lease.asked, { read: 2, write: 0, watch: 2 });
  assert.deepEqual([stand.reason, stand.count("lease_not_watched")], [
    "stands by; leader leads",
    0,
  ]);
});

Deno.test("standbys that lost their API server come back ever more slowly, and lead when they can", async () => {
  await using stand = await Stand.open([1]);
  stand.lease.refusal = { watch: AWAY, call: AWAY };
  stand.lease.breakWatches(AWAY);
  await stand.settled();
  const reads: number[] = [];
  for (let second = 0; second < 60; second += 1) {
    const { read } = stand.lease.asked;
    await stand.pass(1000);
    if (stand.lease.asked.read > read) reads.push(second + 1);
  }
  assert.deepEqual(reads, [2, 6, 14, 29, 44, 59]);
  assert.match(stand.reason, /^stands by: unavailable: connection refused/);
  stand.lease.refusal = { watch: null, call: null };
  await stand.pass(TIMES.leaseDurationMs);
  assert.equal(stand.leaders, 1, "the Lease had long run out");
});

Deno.test("without the right to watch a standby reads, seldom, and says so; a right given later is noticed", async () => {
  await using stand = await Stand.open([0], CANNOT_WATCH);
  const live = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      stand.renew();
      await stand.pass(1000);
    }
  };
  await live(60);
  assert.deepEqual(stand.lease.asked, { read: 1 + 60 / 5, write: 0, watch: 1 });
  assert.equal(
    stand.reason,
    "stands by; leader leads; reads the Lease now and then, as it cannot watch it: " +
      "access_denied: cannot watch",
  );
  assert.equal(stand.count("lease_not_watched"), 1);
  await stand.pass(TIMES.leaseDurationMs - 1);
  assert.equal(stand.leaders, 0);
  stand.lease.refusal.watch = null;
  await live(600);
  assert.deepEqual([stand.lease.openWatches, stand.reason], [1, "stands by; leader leads"]);
});
