/** What arrived, as the oracle wants it. The control plane tells it itself; others are asked. */
import type { Gap } from "../../../src/core/protocol.ts";
import type { EmbeddedControlPlane } from "../../../src/embedded/control_plane/start.ts";
import type { SoakQuery } from "./data.ts";
import { type Span, spanOf, unaccountedFor } from "./oracle.ts";
import { type Points, putPoint } from "./points.ts";

export interface Receiver {
  /** Whether series keep the names, or lack of one, that the source gave them. */
  readonly holdsNames: boolean;
  /** How many points before a window are asked for as well, to know which series ended there. */
  readonly lookBehindSteps: number;
  /** Spans that were acknowledged, as data or as gaps. */
  windows(query: SoakQuery): Promise<readonly Span[]>;
  gaps(query: SoakQuery): Promise<readonly Gap[]>;
  points(query: SoakQuery): Promise<Points>;
  /** In words: what was sent again with other content. */
  conflicts(): readonly string[];
  /** Deliveries that came again, byte for byte; null where nobody can tell. */
  repeats(): number | null;
  /** Resolves once every query has arrived up to a time. */
  until(untilMs: number, queries: readonly SoakQuery[]): Promise<void>;
}

export function controlPlaneReceiver({ signals, until }: EmbeddedControlPlane): Receiver {
  const windowsOf = ({ name }: SoakQuery) =>
    signals.batches.filter(({ query }) => query.name === name).map(({ window }) => window);
  return {
    holdsNames: true,
    lookBehindSteps: 0,
    windows: (query) => Promise.resolve(windowsOf(query)),
    gaps: ({ name }) =>
      Promise.resolve(signals.gaps.filter(({ query }) => query === name).map(({ gap }) => gap)),
    points({ name }) {
      const points: Points = new Map();
      for (const { labels, timestampMs, value } of signals.points(name)) {
        putPoint(points, labels, timestampMs, value);
      }
      return Promise.resolve(points);
    },
    conflicts() {
      const { conflicts, changedPoints } = signals;
      return [
        ...(conflicts > 0 ? [`${conflicts} batches came again with other content`] : []),
        ...(changedPoints > 0 ? [`${changedPoints} points came again with another value`] : []),
      ];
    },
    repeats: () => signals.duplicates,
    until: (untilMs, queries) =>
      until(() =>
        queries.every((query) => {
          const windows = windowsOf(query);
          return windows.length > 0 && spanOf(windows).endMs + query.stepMs > untilMs &&
            unaccountedFor(query.stepMs, windows).length === 0;
        })
      ),
  };
}
