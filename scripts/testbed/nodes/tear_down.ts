/** Removes whatever there is of this checkout's nodes, running, ended or half made. */
import { removeCgroups } from "./cgroups.ts";
import { networkOwner, removeNetwork } from "./network.ts";

/** Leaves alone what belongs to another checkout. */
export async function tearDownNodes(): Promise<void> {
  const owner = await networkOwner();
  // Without an owner it was left before it could say so.
  if (owner !== Deno.cwd() && owner !== "") return;
  // The mount namespaces end with the last process in them, and their mounts with them.
  await removeCgroups();
  await removeNetwork();
}
