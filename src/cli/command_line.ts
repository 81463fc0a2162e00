/**
 * argv → exit code. The one form in which every agent is started is read here; all others by program.ts,
 * which is loaded for them alone: its library and Node's modules under it are no part of a running agent.
 */
import { ConnectorError, describeError } from "../errors.ts";
import type { ExitCode } from "./io.ts";
import type { ProgramParts } from "./program.ts";
import { defaultConfig, run } from "./run.ts";

/** Runs one command line. Throws only what is a bug. */
export async function runCommandLine(
  args: readonly string[],
  parts: ProgramParts,
): Promise<ExitCode> {
  try {
    const config = agentConfig(args);
    if (config !== null) {
      return await run(config.path ?? defaultConfig(parts.io), parts.surroundings, parts.requests);
    }
    const { runProgram } = await import("./program.ts");
    return await runProgram(args, parts);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    parts.io.printError(`error: ${describeError(error)}`);
    return 1;
  }
}

/** Of `run [--config FILE]`; null for anything else, right or wrong. */
function agentConfig(args: readonly string[]): { readonly path?: string } | null {
  const [command, option, path] = args;
  if (command !== "run") return null;
  if (args.length === 1) return {};
  const isPath = path !== undefined && path !== "" && !path.startsWith("-");
  return args.length === 3 && (option === "--config" || option === "-c") && isPath
    ? { path }
    : null;
}
