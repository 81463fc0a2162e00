/** The cluster behind a fence: leadership is asked for right before each write, dry runs excepted. */
import type { Cluster, WriteOptions } from "./cluster.ts";
import { assertLeader, type Leadership } from "./leadership.ts";

export function fence(cluster: Cluster, leadership: Leadership): Cluster {
  const check = ({ dryRun }: WriteOptions) => {
    if (!dryRun) assertLeader(leadership);
  };
  return {
    resolve: (ref) => cluster.resolve(ref),
    get: (ref) => cluster.get(ref),
    async apply(object, options) {
      check(options);
      return await cluster.apply(object, options);
    },
    async create(object, options) {
      check(options);
      return await cluster.create(object, options);
    },
    async merge(ref, patch, resourceVersion, options) {
      check(options);
      return await cluster.merge(ref, patch, resourceVersion, options);
    },
    async delete(ref, uid, options) {
      check(options);
      await cluster.delete(ref, uid, options);
    },
  };
}
