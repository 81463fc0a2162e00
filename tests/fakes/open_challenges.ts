/** The agent's side of the proofs by ownership, on a test's own state directory. */
import { Challenges } from "../../src/execution/challenges.ts";
import type { Clock } from "../../src/runtime.ts";
import type { Ground } from "./execution_stand.ts";

export async function openChallenges(
  { runtime }: Pick<Ground, "runtime">,
  stateDir: string,
  { clock = runtime.clock, groupAccess = false }: { clock?: Clock; groupAccess?: boolean } = {},
): Promise<Challenges> {
  const { files, random } = runtime;
  return await Challenges.open({ files, clock, random, stateDir, groupAccess });
}
