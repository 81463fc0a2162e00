/** The files that a pod finds at a fixed place, for the length of a test. */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import { runToEnd } from "./process.ts";

const PROGRAM = "tests/real/service_account_files.ts";

/**
 * Only where nothing is at that place yet, and only as who may write there: otherwise it says that the
 * test was left out.
 */
export async function withServiceAccount(folder: string, work: () => Promise<void>): Promise<void> {
  const laid = await run("lay", folder);
  if (laid !== null) {
    print(`left out: the files of a pod cannot be laid: ${laid}`);
    return;
  }
  try {
    await work();
  } finally {
    const problem = await run("remove", folder);
    assert.equal(problem, null, "the files of a pod are still there");
  }
}

/** null when it went well. */
async function run(action: "lay" | "remove", folder: string): Promise<string | null> {
  const { code, stderr } = await runToEnd(Deno.execPath(), {
    args: [
      // Deno gives leave to make a symbolic link only to who may write everywhere.
      ...["run", "--quiet", "--no-prompt", "--no-config", "--allow-read", "--allow-write"],
      PROGRAM,
      action,
      folder,
    ],
  });
  return code === 0 ? null : stderr.trim().split("\n").at(-1) ?? `exit code ${code}`;
}
