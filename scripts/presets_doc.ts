/** docs/presets.md: every query that comes with the connector. */
import { formatDuration } from "../src/core/duration.ts";
import { PRESET_NAMES, PRESETS } from "../src/core/signals/presets/presets.ts";
import { table } from "./markdown.ts";

export function renderPresets(): string {
  return [
    "# Presets",
    "",
    "Queries that come with the connector; `signals.presets` names the ones to stream, and `metrics presets NAME` prints them as they stand in a configuration. Each sums over what is many, so that a cluster gives hundreds of series, not hundreds of thousands. What nobody exposes has no points; its windows are still sent, a few hundred bytes each, and fewer with a longer `signals.window`. To change one, put a query of the same name into `signals.queries`.",
    ...PRESET_NAMES.flatMap((name) => {
      const { about, step, queries } = PRESETS[name];
      return [
        "",
        `## ${name}`,
        "",
        `${about.slice(0, 1).toUpperCase()}${about.slice(1)}; a point every ${
          formatDuration(step)
        }.`,
        "",
        ...table(
          ["Query", "Signal", "Metrics of", "PromQL"],
          queries.map((query) => [
            `\`${name}.${query.name}\``,
            query.signal,
            query.from,
            `\`${query.expr}\``,
          ]),
        ),
      ];
    }),
    "",
  ].join("\n");
}
