/**
 * The cluster behind a fence: leadership is asked for right before each write, and a write is broken off
 * when leadership ends under it. Its outcome is unknown then; the journal says what to do again, as after
 * a crash. Dry runs pass.
 */
import { TransientError } from "../errors.ts";
import type { Cluster, WriteBounds, WriteOptions } from "./cluster.ts";
import { type Leadership, leadingTerm } from "./leadership.ts";

export function fence(cluster: Cluster, leadership: Leadership): Cluster {
  const within = async <T>(
    options: WriteOptions,
    write: (options: WriteOptions) => Promise<T>,
  ): Promise<T> => {
    if (options.dryRun) return await write(options);
    return await withinTerm(leadership, (bounds) => write({ ...options, bounds }));
  };
  return {
    resolve: (ref) => cluster.resolve(ref),
    get: (ref) => cluster.get(ref),
    apply: (object, options) => within(options, (inside) => cluster.apply(object, inside)),
    create: (object, options) => within(options, (inside) => cluster.create(object, inside)),
    merge: (ref, patch, resourceVersion, options) =>
      within(options, (inside) => cluster.merge(ref, patch, resourceVersion, inside)),
    delete: (ref, uid, options) => within(options, (inside) => cluster.delete(ref, uid, inside)),
  };
}

/** One write to the API server in the present term. Throws NotLeaderError outside of one. */
export async function withinTerm<T>(
  leadership: Leadership,
  write: (bounds: WriteBounds) => Promise<T>,
): Promise<T> {
  const term = leadingTerm(leadership);
  try {
    return await write(term);
  } catch (error) {
    // Without an answer, or with one that says "later", it may have been done, or be done yet.
    if (error instanceof TransientError) term.markUnsettled();
    throw error;
  }
}
