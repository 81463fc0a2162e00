/** Commands that ask the running connector: the options by which it is found, and the way to it. */
import type { Command } from "commander";
import { configOption } from "./config_option.ts";
import type { ExecutionsContext } from "./executions.ts";
import type { CliIo, ExitCode } from "./io.ts";
import { type Format, outputOption } from "./output.ts";
import type { ProgramParts } from "./program.ts";
import { loadConfig } from "./run.ts";

export interface ConnectedOptions {
  readonly config: string;
  readonly stateDir?: string;
  readonly output: Format;
}

export function connected(command: Command, description: string, io: CliIo): Command {
  return command.description(description).addOption(configOption(io))
    .option("--state-dir <dir>", "the running connector's state directory, instead of --config")
    .addOption(outputOption());
}

/** Throws StalledError `config_invalid`, and what the work does. */
export async function withClient(
  { config, stateDir, output }: ConnectedOptions,
  { io, surroundings }: Pick<ProgramParts, "io" | "surroundings">,
  work: (context: ExecutionsContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { AdminClient } = await import("./admin_client.ts");
  const { runtime } = surroundings;
  const directory = stateDir ?? (await loadConfig(config, surroundings)).stateDir;
  const client = new AdminClient(runtime.http, runtime.files, directory);
  try {
    return await work({ client, io, format: output, nowMs: runtime.clock.now() });
  } finally {
    client.close();
  }
}
