/** The port that says whether this process may act on the cluster right now. */
import { RefusedError } from "../errors.ts";

export interface Leadership {
  isLeader(): boolean;
}

/** Where one process stands for the cluster alone. */
export const alwaysLeader: Leadership = { isLeader: () => true };

/** Asked right before each write. Throws RefusedError `not_leader`. */
export function assertLeader(leadership: Leadership): void {
  if (leadership.isLeader()) return;
  throw new RefusedError("not_leader", "Another process holds the Lease; this one must not write");
}
