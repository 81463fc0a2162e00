/**
 * What a receiver of remote write holds. It knows of neither windows nor gaps: those are read from the
 * agent's own cursors and ledger, so that what was acknowledged there has to be here.
 */
import type { Gap } from "../../../src/core/protocol.ts";
import type { CursorWatch } from "./cursors.ts";
import type { SoakQuery } from "./data.ts";
import { spanOf } from "./oracle.ts";
import { type Points, putSeries } from "./points.ts";
import type { Receiver } from "./receiver.ts";

const POLL_MS = 200;

/** @param stateDir of the agent; @param url of the receiver itself */
export function remoteReceiver(
  url: string,
  client: Deno.HttpClient,
  stateDir: string,
  cursors: CursorWatch,
): Receiver {
  const windowsOf = ({ name, stepMs }: SoakQuery) => cursors.acknowledged(name, stepMs);
  return {
    holdsNames: false,
    lookBehindSteps: 1,
    windows: (query) => Promise.resolve(windowsOf(query)),
    async gaps({ name }) {
      const text = await Deno.readTextFile(`${stateDir}/gaps/${name}.jsonl`).catch(() => "");
      return text.split("\n").filter((line) => line !== "").map((line): Gap => JSON.parse(line));
    },
    async points(query) {
      // Raw samples, each with its own time: query_range would repeat them for five minutes.
      const { startMs, endMs } = spanOf(windowsOf(query));
      const form = new URLSearchParams({
        query: `{__name__="${metricOf(query)}"}[${endMs - startMs + 1}ms]`,
        time: (endMs / 1000).toFixed(3),
      });
      const response = await fetch(`${url}/api/v1/query?${form}`, { client });
      const body = await response.json();
      if (response.status !== 200) throw new Error(`${query.name}: ${JSON.stringify(body)}`);
      const points: Points = new Map();
      putSeries(points, body.data.result, { names: false });
      return points;
    },
    conflicts: () => [],
    repeats: () => null,
    async until(untilMs, queries) {
      const isThere = (query: SoakQuery) => {
        const windows = windowsOf(query);
        return windows.length === 1 && windows[0]!.endMs + query.stepMs > untilMs;
      };
      while (!queries.every(isThere)) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

/** Series that an expression left without a name get the query's. */
function metricOf({ name, expr }: SoakQuery): string {
  return /^\w+$/.test(expr) ? expr : name.replaceAll("-", "_");
}
