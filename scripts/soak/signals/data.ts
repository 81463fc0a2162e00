/** What Prometheus scrapes here: every sample is a function of its series and of the second. Pure. */

/** Series that come and go, a shape that fails and a crowd: seconds of a period, and how many of them. */
const FLAKY = { everySeconds: 47, seconds: 17 };
const DOUBLED = { everySeconds: 61, seconds: 6 };
const CROWDED = { everySeconds: 53, seconds: 6 };
export const CROWD = 300;
const WIDE = 200;
const BOUNDS = ["0.005", "0.05", "0.5", "5", "+Inf"];

/** @param second since the epoch */
export function exposition(second: number): string {
  const inPeriod = ({ everySeconds, seconds }: typeof FLAKY) => second % everySeconds < seconds;
  const lines = [
    "# TYPE soak_requests_total counter",
    // Counters are reset now and then.
    ...["a", "b", "c"].map((pod, offset) =>
      `soak_requests_total{pod="${pod}"} ${second % (97 + offset) * 3}`
    ),
    "# TYPE soak_temperature gauge",
    `soak_temperature{room="lab"} ${Math.sin(second / 10) * 1e-3 + 0.1}`,
    "# TYPE soak_special gauge",
    `soak_special{kind="mixed"} ${["NaN", "+Inf", "-Inf", "-0", "5e-324", "1e+21"][second % 6]}`,
    "# TYPE soak_flaky gauge",
    ...(inPeriod(FLAKY) ? [] : [`soak_flaky{pod="flaky"} ${second % 1000}`]),
    "# TYPE soak_wide gauge",
    ...range(WIDE).map((n) => `soak_wide{n="${n}",zone="z${n % 3}"} ${(second * (n + 1)) % 1009}`),
    "# TYPE soak_crowd gauge",
    ...range(inPeriod(CROWDED) ? CROWD : 3).map((n) => `soak_crowd{n="${n}"} ${second % 100 + n}`),
    "# TYPE soak_left gauge",
    `soak_left{id="1"} ${second % 10}`,
    "# TYPE soak_right gauge",
    // Two of one id: joining them is an error.
    ...range(inPeriod(DOUBLED) ? 2 : 1).map((n) => `soak_right{id="1",copy="${n}"} ${second % 7}`),
    "# TYPE soak_seconds histogram",
    ...BOUNDS.map((le, index) =>
      `soak_seconds_bucket{le="${le}"} ${second % 10_000 * (index + 1)}`
    ),
    `soak_seconds_sum ${second % 10_000 * 2}`,
    `soak_seconds_count ${second % 10_000 * BOUNDS.length}`,
  ];
  return `${lines.join("\n")}\n`;
}

export interface SoakQuery {
  readonly name: string;
  readonly expr: string;
  readonly stepMs: number;
}

/** The crowd is above it for a time. */
export const MAX_SERIES = 250;

export const QUERIES: readonly SoakQuery[] = [
  { name: "requests", expr: "soak_requests_total", stepMs: 1000 },
  { name: "rate", expr: "rate(soak_requests_total[10s])", stepMs: 1000 },
  { name: "temperature", expr: "soak_temperature", stepMs: 1000 },
  { name: "special", expr: "soak_special", stepMs: 1000 },
  { name: "flaky", expr: "soak_flaky", stepMs: 1000 },
  { name: "wide", expr: "soak_wide", stepMs: 1000 },
  {
    name: "quantile",
    expr: "histogram_quantile(0.9, rate(soak_seconds_bucket[15s]))",
    stepMs: 1000,
  },
  // Between the samples, so that Prometheus looks back for every point. Not the name of `requests`: a
  // receiver of remote write holds series, and not queries.
  { name: "off-grid", expr: "soak_requests_total * 1", stepMs: 700 },
  // These lead to gaps, for a reason that can be asked for again.
  { name: "crowd", expr: "soak_crowd", stepMs: 1000 },
  { name: "joined", expr: "soak_left * on (id) soak_right", stepMs: 1000 },
  // Of a block that was there before.
  { name: "known-requests", expr: "known_requests_total", stepMs: 15_000 },
  { name: "known-special", expr: "known_special", stepMs: 15_000 },
];

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
