/** `metrics check|presets`: what would be streamed, and what it would cost, before anything leaves. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { configOption } from "./config_option.ts";
import type { ExitCode } from "./io.ts";
import { type Format, outputOption } from "./output.ts";
import type { ProgramParts } from "./program.ts";

const MAX_WINDOWS = 100;

interface CheckFlags {
  config: string;
  windows: number;
  node?: string;
  output: Format;
}

/** A child of `program` from the start: only so does it take over how the program ends and prints. */
export function addMetrics(
  program: Command,
  parts: ProgramParts,
  exit: (code: ExitCode) => void,
): void {
  const { io, surroundings } = parts;
  const group = program.command("metrics").description("look at what is streamed, and its cost");

  group.command("check")
    .description(
      "ask Prometheus each query over its newest windows, and say what a day of it would\n" +
        "send; nothing leaves but the queries. Exit code 1 when one is refused, or loses series",
    )
    .argument("[query...]", "only these, by name")
    .addOption(configOption(io))
    .addOption(
      new Option("--windows <n>", "how many windows of each query").default(3)
        .argParser(parseWindows),
    )
    .option("--node <name>", "fills in $node, in queries of scope node")
    .addOption(outputOption())
    .action(async (names: string[], { config, ...flags }: CheckFlags) => {
      const { runMetricsCheck } = await import("./metrics.ts");
      exit(await runMetricsCheck({ config, names, ...flags }, surroundings, io));
    });

  group.command("presets")
    .description("print the queries that come with the connector")
    .argument("[name]", "one preset: its queries, as a configuration would have them")
    .addOption(outputOption())
    .action(async (name: string | undefined, { output }: { output: Format }) => {
      const { printPresets } = await import("./metrics_presets.ts");
      printPresets(name, output, io);
    });
}

/** Throws InvalidArgumentError. */
function parseWindows(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_WINDOWS) return count;
  throw new InvalidArgumentError(`give a number from 1 to ${MAX_WINDOWS}`);
}
