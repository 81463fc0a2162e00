/** `metrics presets`: the queries that come with the connector. */
import { stringify } from "yaml";
import { formatDuration } from "../core/duration.ts";
import {
  PRESET_NAMES,
  type PresetName,
  PRESETS,
  queriesOf,
} from "../core/signals/presets/presets.ts";
import { type CliIo, UsageError } from "./io.ts";
import { type Format, formatTable, printResult } from "./output.ts";

/**
 * @param name one of them; undefined for a list
 * Throws UsageError for a name that is none.
 */
export function printPresets(
  name: string | undefined,
  format: Format,
  io: Pick<CliIo, "print">,
): void {
  if (name === undefined) return printList(format, io);
  if (!isPreset(name)) {
    throw new UsageError(`there is no preset ${name}, but ${PRESET_NAMES.join(", ")}`);
  }
  const queries = queriesOf(name)
    .map(({ name, expr, step }) => ({ name, expr, step: formatDuration(step) }));
  printResult(
    io,
    format,
    queries,
    () => stringify(queries, { lineWidth: 0 }).trimEnd().split("\n"),
  );
}

function printList(format: Format, io: Pick<CliIo, "print">): void {
  const list = PRESET_NAMES.map((name) => {
    const { queries, step, about } = PRESETS[name];
    return { name, queries: queries.length, step: formatDuration(step), about };
  });
  printResult(io, format, list, () =>
    formatTable(
      ["NAME", "QUERIES", "STEP", "ABOUT"],
      list.map(({ name, queries, step, about }) => [name, String(queries), step, about]),
    ));
}

function isPreset(name: string): name is PresetName {
  return (PRESET_NAMES as readonly string[]).includes(name);
}
