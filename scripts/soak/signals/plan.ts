/**
 * What fails when: the same seed and length give the same plan. Each of the four tracks goes on by itself,
 * so that faults fall together in every way. Pure.
 */
import { SeededRandom } from "./random.ts";

export type Track = "agent" | "receiver" | "prometheus" | "clock";

export interface Fault {
  readonly track: Track;
  readonly kind: string;
  /** From the beginning of the soak. */
  readonly atMs: number;
  readonly forMs: number;
}

interface Kind {
  readonly kind: string;
  readonly forMs: readonly [least: number, most: number];
}

interface TrackPlan {
  readonly track: Track;
  readonly pauseMs: readonly [least: number, most: number];
  readonly kinds: readonly Kind[];
}

/**
 * Prometheus may hang for less than the settle delay only: a scrape that is under way when it stops is
 * stored late by as much, under the time at which it began.
 */
export const LONGEST_HANG_MS = 1500;

const TRACKS: readonly TrackPlan[] = [
  {
    track: "agent",
    pauseMs: [3000, 12_000],
    kinds: [
      { kind: "kill -9", forMs: [0, 2000] },
      { kind: "kill -9", forMs: [0, 2000] },
      { kind: "hang", forMs: [500, 4000] },
    ],
  },
  {
    track: "receiver",
    pauseMs: [3000, 10_000],
    kinds: [
      { kind: "down", forMs: [500, 6000] },
      { kind: "reset", forMs: [1000, 3000] },
      { kind: "half-open", forMs: [2000, 8000] },
      { kind: "slow", forMs: [2000, 6000] },
      { kind: "answers lost", forMs: [1000, 5000] },
      { kind: "failing", forMs: [1000, 4000] },
    ],
  },
  {
    track: "prometheus",
    pauseMs: [3000, 12_000],
    kinds: [
      { kind: "kill -9", forMs: [0, 4000] },
      { kind: "hang", forMs: [300, LONGEST_HANG_MS] },
      { kind: "reset", forMs: [1000, 3000] },
      { kind: "half-open", forMs: [2000, 8000] },
      { kind: "slow", forMs: [2000, 6000] },
    ],
  },
  {
    track: "clock",
    pauseMs: [5000, 20_000],
    kinds: [
      { kind: "+1 h", forMs: [3000, 15_000] },
      { kind: "-1 h", forMs: [3000, 15_000] },
    ],
  },
];

/** Ordered by time. Every track's first fault comes early, so that a short soak has some of each. */
export function makePlan(seed: number, durationMs: number): Fault[] {
  const random = new SeededRandom(seed);
  const faults = TRACKS.flatMap(({ track, pauseMs, kinds }) => {
    const planned: Fault[] = [];
    // Each kind in turn, in an order of its own: no kind is left out by chance.
    let left: Kind[] = [];
    for (let atMs = random.between(...pauseMs);;) {
      if (left.length === 0) left = [...kinds];
      const next = random.pick(left);
      left.splice(left.indexOf(next), 1);
      const forMs = random.between(...next.forMs);
      if (atMs + forMs > durationMs) return planned;
      planned.push({ track, kind: next.kind, atMs, forMs });
      atMs += forMs + random.between(...pauseMs);
    }
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}
