/**
 * What a query would send: its newest windows asked for, selected and packed as the agent would, and
 * then thrown away.
 */
import {
  type DailyCost,
  dailyCost,
  type MeasuredWindow,
  noCost,
} from "../core/signals/daily_cost.ts";
import type { RangeAnswer, SignalsSource } from "../core/signals/range_answer.ts";
import {
  QuerySelection,
  type SelectionContext,
} from "../core/signals/selection/query_selection.ts";
import type { PackedWindow, Packer } from "../core/signals/series_handler.ts";
import {
  alignDown,
  countSteps,
  halveWindow,
  makeGrid,
  type Window,
} from "../core/signals/windows.ts";
import { ConnectorError, describeError, InvalidInputError, StalledError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import type { SignalsQuery } from "./signals_ports.ts";

export interface DryRunPorts {
  readonly source: SignalsSource;
  readonly pack: (window: PackedWindow) => Packer;
  readonly clock: Clock;
  readonly context: SelectionContext;
}

export interface DryRunSpan {
  /** How many windows, and how long each is. */
  readonly windows: number;
  readonly windowMs: number;
  /** The newest point that may be asked for. */
  readonly untilMs: number;
}

type Refusal = Exclude<RangeAnswer, { readonly kind: "series" }>;

/** Throws StalledError: what keeps this query from being asked keeps all. */
export async function dryRun(
  query: SignalsQuery,
  span: DryRunSpan,
  ports: DryRunPorts,
  signal: AbortSignal,
): Promise<DailyCost> {
  const selection = new QuerySelection(query, ports.context);
  let windows = newestWindows(query.step, span);
  const measured: MeasuredWindow[] = [];
  const notes: string[] = [];
  try {
    for (let window = windows.shift(); window; window = windows.shift()) {
      const found = await measure(query, window, selection, ports, signal);
      if (!("kind" in found)) {
        measured.push(found);
        continue;
      }
      const { kind, detail } = found;
      const halves = kind === "rejected" ? null : halveWindow(window);
      if (halves === null) return noCost(`${kind}: ${detail}`);
      notes.push(`${kind}, so that windows are halved: ${detail}`);
      // Measured is what will be asked for, and two of them say enough.
      windows = [...halves];
      measured.length = 0;
    }
  } catch (error) {
    if (!(error instanceof ConnectorError) || error instanceof StalledError) throw error;
    return noCost(describeError(error));
  }
  const cost = dailyCost(measured);
  return { ...cost, notes: [...cost.notes, ...notes] };
}

/** Oldest first. They end where windows end for the agent as well. */
function newestWindows(stepMs: number, { windows, windowMs, untilMs }: DryRunSpan): Window[] {
  const blockMs = makeGrid(stepMs, windowMs).blockSteps * stepMs;
  const endMs = alignDown(untilMs + stepMs, blockMs);
  return Array.from({ length: windows }, (_, index) => {
    const startMs = endMs - (windows - index) * blockMs;
    return { startMs, endMs: startMs + blockMs - stepMs, stepMs };
  });
}

async function measure(
  { name, expr }: SignalsQuery,
  window: Window,
  queried: QuerySelection,
  { source, pack, clock }: DryRunPorts,
  signal: AbortSignal,
): Promise<MeasuredWindow | Refusal> {
  const packer = pack({ clusterId: "dry-run", query: { name, expr }, window });
  const selection = queried.over(window, packer);
  const warnings: string[] = [];
  const begunMs = clock.monotonic();
  for (const text of queried.texts) {
    const answer = await source.queryRange({ expr: text, window }, selection, signal);
    if (answer.kind !== "series") return answer;
    warnings.push(...answer.warnings);
    if (answer.truncated) warnings.push("the source cut the result short");
  }
  const elapsedMs = clock.monotonic() - begunMs;
  try {
    const batches = await packer.finish(selection.gaps());
    return {
      selection,
      points: batches.reduce((sum, { points }) => sum + points, 0),
      bytes: batches.reduce((sum, { body }) => sum + body.length, 0),
      elapsedMs,
      spanMs: countSteps(window) * window.stepMs,
      warnings,
    };
  } catch (error) {
    if (!(error instanceof InvalidInputError) || error.code !== "too_large") throw error;
    return { kind: "too_large", detail: error.message };
  }
}
