/** Ends every process of the testbed and removes every file of it; the cache of programs stays. */
import { stopDaemons } from "./daemons.ts";
import { tearDownNodes } from "./nodes/tear_down.ts";
import { FOLDER, readTestbed } from "./testbed.ts";

/** How many processes there were. */
export async function down(): Promise<number> {
  const testbed = await readTestbed();
  const daemons = testbed?.daemons ?? [];
  // In reverse, so that nothing mourns the server that it depends on.
  await stopDaemons([...daemons].reverse());
  await tearDownNodes();
  await Deno.remove(FOLDER, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return daemons.length;
}
