/** The port to the files of this host that packages may place. Only under configured roots. */
import type { FileSight, HostFile } from "../core/host_file.ts";

export interface Place {
  /** Name of a configured root. */
  readonly root: string;
  /** Within the root; checked when the package was parsed. */
  readonly path: string;
}

/** What is there now. */
export interface Sight extends FileSight {
  /** Which file it was that was seen; null without one. It changes when another takes its place. */
  readonly identity: string | null;
}

/**
 * All calls throw: RefusedError `not_found` (no such root), `file_refused` (a link or another kind of thing
 * in the way, beyond the root's limits, or changed under our hands), `plan_changed` (no longer the file
 * that was seen), TransientError `disk_full`, StalledError `access_denied`.
 */
export interface HostFiles {
  look(place: Place): Promise<Sight>;
  /** Whether the root's limits let this file be there. */
  check(place: Place, file: HostFile): void;
  /** Durable and whole when it resolves, never half; makes the folders that are missing. */
  put(place: Place, file: HostFile, seen: Sight): Promise<void>;
  remove(place: Place, seen: Sight): Promise<void>;
  /** The innermost first; those that are not empty stay. */
  removeFolders(root: string, folders: readonly string[]): Promise<void>;
  /** Undoes what a crash in the middle of `put` or `remove` has left half done. */
  tidy(place: Place): Promise<void>;
}
