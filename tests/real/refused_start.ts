/** A start that is refused. */
import assert from "node:assert/strict";
import { type Finished, runToEnd } from "./process.ts";

/** Runs the agent to its end, as systemd would start it. */
export async function runAgent(configPath: string): Promise<Finished> {
  return await runToEnd(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-P=agentFromSource",
      "--no-prompt",
      "main.ts",
      "run",
      "--config",
      configPath,
    ],
  });
}

/** Exit code 1 and a line for people, without a stack trace. */
export function assertReadable({ code, stderr }: Finished, expected: RegExp, what: string): void {
  assert.equal(code, 1, `${what}: ${stderr}`);
  assert.match(stderr, expected, what);
  assert.doesNotMatch(stderr, /^\s+at /m, `${what}: a stack trace is nothing for a user`);
}
