/** A block of data that is known to the last digit, as OpenMetrics text and as values to compare with. */

/** As OpenMetrics writes it, and as Prometheus and we write it in JSON. */
export interface KnownSample {
  readonly timestampMs: number;
  readonly value: number | "NaN" | "+Inf" | "-Inf";
}

export interface KnownSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly KnownSample[];
}

export const KNOWN_STEP_MS = 15_000;
/** Beyond Prometheus' lookback of five minutes, so that points are really missing. */
const HOLE = { everySteps: 120, steps: 40 };

/** Series from `fromMs` to `toMs`, both on the grid and inclusive. */
export function knownSeries(fromMs: number, toMs: number): KnownSeries[] {
  const series = (
    name: string,
    labels: Record<string, string>,
    valueAt: (step: number) => KnownSample["value"] | null,
  ): KnownSeries => {
    const samples: KnownSample[] = [];
    for (let step = 0, at = fromMs; at <= toMs; step += 1, at += KNOWN_STEP_MS) {
      const value = valueAt(step);
      if (value !== null) samples.push({ timestampMs: at, value });
    }
    return { name, labels, samples };
  };
  const manyLabels = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`label_${index}`, `value ${index} "ü" \\ end`]),
  );
  return [
    // A counter that is reset every 200 steps.
    ...["a", "b", "c"].map((pod, offset) =>
      series("known_requests_total", { pod }, (step) => (step % 200) * 3 + offset)
    ),
    series("known_temperature", { room: "lab" }, (step) => Math.sin(step / 10) * 1e-3 + 0.1),
    series("known_large", {}, (step) => 1.7976931348623157e308 / (step + 1)),
    series("known_special", { kind: "mixed" }, (step) => {
      const special = ["NaN", "+Inf", "-Inf", -0, 5e-324] as const;
      return special[step % special.length]!;
    }),
    series(
      "known_holes",
      { pod: "flaky" },
      (step) => step % HOLE.everySteps < HOLE.steps ? null : step,
    ),
    series("known_labels", manyLabels, (step) => step % 7),
  ];
}

export function toOpenMetrics(all: readonly KnownSeries[]): string {
  const lines: string[] = [];
  let family = "";
  for (const { name, labels, samples } of all) {
    const isCounter = name.endsWith("_total");
    if (family !== name) {
      const base = isCounter ? name.slice(0, -"_total".length) : name;
      lines.push(`# TYPE ${base} ${isCounter ? "counter" : "gauge"}`);
      family = name;
    }
    const pairs = Object.entries(labels).map(([key, value]) => `${key}=${quote(value)}`);
    const selector = pairs.length > 0 ? `{${pairs.join(",")}}` : "";
    for (const { timestampMs, value } of samples) {
      lines.push(`${name}${selector} ${Object.is(value, -0) ? "-0" : value} ${timestampMs / 1000}`);
    }
  }
  return `${lines.join("\n")}\n# EOF\n`;
}

function quote(value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `"${escaped}"`;
}
