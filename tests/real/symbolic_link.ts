/** Links, which the tests themselves may not make. */
import assert from "node:assert/strict";
import { runToEnd } from "./process.ts";

/** Deno gives leave to make a symbolic link only to who may write everywhere. */
export async function link(target: string, path: string): Promise<void> {
  const code = `Deno.symlinkSync(${JSON.stringify(target)}, ${JSON.stringify(path)})`;
  const { code: status, stderr } = await runToEnd(Deno.execPath(), {
    args: ["eval", "--no-config", code],
  });
  assert.equal(status, 0, stderr);
}
