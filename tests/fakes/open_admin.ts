/** The local side over a stand, as the agent opens it on its socket. */
import { createAdmin } from "../../src/http/admin.ts";
import type { Logger } from "../../src/log.ts";
import type { Ground, Stand } from "./execution_stand.ts";
import { openChallenges } from "./open_challenges.ts";

export async function openAdmin(
  ground: Ground,
  stand: Stand,
  log: Logger,
): Promise<(request: Request) => Promise<Response>> {
  const { book, approvals, approvers, receipts, publicKey, health, directory } = stand;
  const challenges = await openChallenges(ground, directory);
  const { clock } = ground.runtime;
  return createAdmin({
    book,
    approvals,
    approvers,
    challenges,
    receipts,
    publicKey,
    health,
    status: () => Promise.reject(new Error("A stand has no agent around it")),
    clock,
    log,
  });
}
