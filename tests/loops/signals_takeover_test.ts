/** One pod streams, dies or stops, and the next goes on with a disk of its own. */
import assert from "node:assert/strict";
import { CursorFiles } from "../../src/adapters/cursor_file.ts";
import { GapFiles } from "../../src/adapters/gap_file.ts";
import { SharedCursors } from "../../src/adapters/kubernetes/journal/shared_cursors.ts";
import { JournalStore } from "../../src/adapters/kubernetes/journal/store.ts";
import { withinTerm } from "../../src/execution/fenced_cluster.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type ClusterFixture, withCluster } from "../fakes/kubernetes_cluster.ts";
import { leadingWhile } from "../fakes/leadership.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

const STEP = 15_000;
const CONFIG: SignalsDeps["config"] = {
  queries: [{ name: "depth", expr: "sim_queue_depth", step: STEP }],
  window: 60_000,
  settle: 30_000,
  reread: 0,
  backfill: 86_400_000,
  backfillSpeed: 30,
  startFrom: 300_000,
  maxSeries: 1000,
};

function startPod(world: World, { api }: ClusterFixture, name: string) {
  const stateDir = `${world.stateDir}/${name}`;
  const deps = world.deps(CONFIG);
  const place = { leads: true };
  const cursors = new SharedCursors({
    store: new JournalStore(api, {
      namespace: "shop",
      within: (write) => withinTerm(leadingWhile(() => place.leads), write),
    }),
    secretName: "neuralops-signal-cursors",
    local: new CursorFiles(systemFiles, stateDir),
    isShared: () => true,
    clock: world.clock,
    health: world.health,
    log: deps.log,
  });
  const gaps = new GapFiles(systemFiles, stateDir);
  const streamer = new SignalsStreamer({ ...deps, cursors, gaps });
  const abort = new AbortController();
  const running = Promise.all([streamer.run(abort.signal), cursors.run(abort.signal)])
    .then(() => {});
  const lag = () => streamer.lag()[0]!;
  return {
    until: (done: () => boolean) => driveUntil(world.clock, 1, running, done, { lanes: 3 }),
    isCaughtUp: () => lag().lagMs !== null && lag().lagMs! < 120_000,
    /** @returns up to where it had acknowledged */
    async end(isCrash: boolean): Promise<number> {
      // Who is dead writes nothing any more.
      place.leads = !isCrash;
      abort.abort(new DOMException("over", "AbortError"));
      await running;
      return lag().acknowledgedMs!;
    },
  };
}

Deno.test("a new leader goes on where the last one was: nothing is lost, and little is sent twice", () =>
  withCluster(async (fixture) => {
    await using world = await createWorld();
    const firstMs = world.clock.now() - CONFIG.startFrom;
    let endedMs = firstMs - STEP;
    for (const [pod, isCrash] of [true, false, true].entries()) {
      const sent = world.receiver.batches.length;
      const oldMs = endedMs;
      const leader = startPod(world, fixture, `pod-${pod}`);
      await leader.until(leader.isCaughtUp);
      const untilMs = world.clock.now() + 600_000;
      await leader.until(() => world.clock.now() > untilMs && leader.isCaughtUp());
      endedMs = await leader.end(isCrash);
      const starts = world.receiver.batches.slice(sent).map(({ window }) => window.startMs);
      assert.ok(Math.min(...starts) >= oldMs, "what was acknowledged is not new to the receiver");
      world.clock.advance(1_200_000);
    }
    const truth = world.truth("depth", "sim_queue_depth", firstMs, endedMs, STEP);
    assert.deepEqual(new Map([...world.receiver.points].sort()), new Map([...truth].sort()));
    assert.equal(world.receiver.gaps.size, 0);
    const secrets = fixture.kubernetes.store.list("v1", "Secret", "shop");
    assert.equal(secrets.length, 1);
  }));
