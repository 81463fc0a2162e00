/**
 * Fails on a command in README.md that CI neither runs nor knows a reason not to run.
 * With --list it prints the commands that CI runs as they stand.
 */
// deno-lint-ignore-file no-console
import { sortCommands } from "./readme_commands.ts";

/** The first thing that a reader does; .ci/run does the same. */
const REQUIRED = ["npx -y deno@2.9.6 task test", "npx -y deno@2.9.6 task simulate"];

const { all, runnable, unknown } = sortCommands(await Deno.readTextFile("README.md"));
if (Deno.args.includes("--list")) {
  for (const command of runnable) console.log(command);
} else {
  const problems = [
    ...unknown.map((command) => `CI does not know this command: ${command}`),
    ...REQUIRED.filter((command) => !all.includes(command))
      .map((command) => `there is no sh block with: ${command}`),
  ];
  for (const problem of problems) console.log(`README.md: ${problem}`);
  console.log(`${all.length} commands, ${problems.length} problems`);
  if (problems.length > 0) Deno.exitCode = 1;
}
