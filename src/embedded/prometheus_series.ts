/**
 * What the embedded Prometheus holds: every point is a function of its series and its time alone, so
 * that what arrives elsewhere can be compared with what was there. Absent points, special floats and
 * native histograms stand at known spots.
 */
import { parseConstant } from "./prometheus_constant.ts";
import { parseSelector } from "./prometheus_selector.ts";

/** As the API prints it, but for times in integer milliseconds. */
export interface SimSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [timeMs: number, value: string])[];
  readonly histograms: readonly (readonly [timeMs: number, value: SimHistogram])[];
}

export interface SimHistogram {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: readonly (readonly [number, string, string, string])[];
}

interface Generator {
  readonly labels: Readonly<Record<string, string>>;
  at(timeMs: number): string | SimHistogram | null;
}

const WIDE_SERIES = 64;

const GENERATORS: readonly Generator[] = [
  ...["a", "b"].flatMap((instance, i) =>
    ["200", "500"].map((code, j) => counter({ job: "checkout", instance, code }, 1 + i * 2 + j))
  ),
  ...["fast", "slow"].map((queue, i) => gauge({ job: "checkout", queue }, 7 + i)),
  ...["/cart", "/pay"].map((route, i) => histogram({ job: "checkout", route }, 11 + i)),
  ...Array.from({ length: WIDE_SERIES }, (_, n) => wide({ n: String(n) }, 100 + n)),
  {
    labels: {
      __name__: "sim_known",
      label: 'quote " backslash \\ newline \n ünïcödé',
      "9": "nine",
    },
    at: () => "0.1",
  },
];

function counter(labels: Record<string, string>, seed: number): Generator {
  return {
    labels: { __name__: "sim_requests_total", ...labels },
    // Starts again every day, as a counter does when its process restarts.
    at: (timeMs) => String(((timeMs % 86_400_000) * seed) / 8000),
  };
}

function gauge(labels: Record<string, string>, seed: number): Generator {
  return {
    labels: { __name__: "sim_queue_depth", ...labels },
    at(timeMs) {
      const dice = mix(seed, timeMs);
      if (dice % 23 === 0) return null;
      if (dice % 29 === 0) return "NaN";
      if (dice % 31 === 0) return "+Inf";
      if (dice % 37 === 0) return "-Inf";
      return String((dice % 200_001 - 100_000) / 1000);
    },
  };
}

function histogram(labels: Record<string, string>, seed: number): Generator {
  return {
    labels: { __name__: "sim_latency", ...labels },
    at(timeMs) {
      const dice = mix(seed, timeMs);
      if (dice % 19 === 0) return null;
      // One series may hold floats and histograms both.
      if (dice % 17 === 0) return String(dice % 1000);
      const [low, high] = [dice % 50, dice % 70];
      const sums = { count: String(low + high), sum: String((low + 3 * high) / 16) };
      if (low + high === 0) return sums;
      return {
        ...sums,
        buckets: [[0, "0.0625", "0.125", String(low)], [3, "-0.001", "0.001", String(high)]],
      };
    },
  };
}

function wide(labels: Record<string, string>, seed: number): Generator {
  return {
    labels: { __name__: "sim_wide", ...labels },
    at: (timeMs) => String(mix(seed, timeMs) % 1000),
  };
}

/** A 32-bit hash of two integers. */
function mix(seed: number, timeMs: number): number {
  let hash = Math.imul(seed, 0x9e3779b1) ^ Math.imul(Math.floor(timeMs / 2 ** 32), 0x85ebca6b);
  hash = Math.imul(hash ^ (timeMs | 0), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2f);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** null when the text is no selector. */
function select(expr: string): Generator[] | null {
  const isSelected = parseSelector(expr);
  return isSelected && GENERATORS.filter(({ labels }) => isSelected(labels));
}

/**
 * What query_range answers for an expression, points up to `untilMs` only.
 * @returns null when the expression is not understood
 * @throws EvaluationError
 */
export function evaluate(
  expr: string,
  startMs: number,
  endMs: number,
  stepMs: number,
  untilMs = Infinity,
): SimSeries[] | null {
  const constant = parseConstant(expr);
  const generators = constant
    ? [{ labels: constant.labels, at: () => constant.text }]
    : select(expr);
  return generators && generators.map(({ labels, at }) => {
    const values: [number, string][] = [];
    const histograms: [number, SimHistogram][] = [];
    for (let timeMs = startMs; timeMs <= Math.min(endMs, untilMs); timeMs += stepMs) {
      const point = at(timeMs);
      if (typeof point === "string") values.push([timeMs, point]);
      else if (point) histograms.push([timeMs, point]);
    }
    return { labels, values, histograms };
  }).filter(({ values, histograms }) => values.length + histograms.length > 0);
}
