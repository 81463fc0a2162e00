/** `--config`, the same for each command that has it. */
import { Option } from "commander";
import type { CliIo } from "./io.ts";
import { defaultConfig } from "./run.ts";

export function configOption(io: CliIo): Option {
  return new Option("-c, --config <file>", "configuration file")
    .default(defaultConfig(io));
}
