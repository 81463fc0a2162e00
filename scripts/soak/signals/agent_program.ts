/**
 * The agent as it is shipped, but for its clock: the wall time is off by as many milliseconds as the file
 * OFFSET says, read again and again, so that it can be stepped from outside. `deno run … CONFIG OFFSET`.
 */
import { startAgent } from "../../../src/agent/agent.ts";
import { loadConfig } from "../../../src/cli/run.ts";
import { systemClock, systemRuntime } from "../../../src/runtime_deno.ts";

const [configPath, offsetPath] = Deno.args as [string, string];
const READ_EVERY_MS = 100;
const encoder = new TextEncoder();
const clock = systemClock();
let offsetMs = readOffset();
setInterval(() => void (offsetMs = readOffset()), READ_EVERY_MS);

const surroundings = {
  runtime: systemRuntime({ ...clock, now: () => clock.now() + offsetMs }),
  env: () => undefined,
  hostname: "soak",
  writeLog: (line: string) => void Deno.stdout.writeSync(encoder.encode(`${line}\n`)),
};
const agent = await startAgent(await loadConfig(configPath, surroundings), surroundings);
Deno.addSignalListener("SIGTERM", async () => {
  await agent.stop();
  Deno.exit();
});
await agent.finished;

function readOffset(): number {
  return Number(Deno.readTextFileSync(offsetPath));
}
