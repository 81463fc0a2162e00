/** A cluster whose calls pass by a test first. */
import type { ObjectRef } from "../../src/core/kubernetes_object.ts";
import { refOf } from "../../src/core/kubernetes_object.ts";
import type { Cluster } from "../../src/execution/cluster.ts";

export interface ClusterCall {
  readonly verb: "get" | "apply" | "create" | "merge" | "delete";
  readonly ref: ObjectRef;
  /** Neither a read nor a dry run. */
  readonly isWrite: boolean;
}

/** @param around calls `next` when, and if, the call is to be made */
export function wrapCluster(
  cluster: Cluster,
  around: <T>(call: ClusterCall, next: () => Promise<T>) => Promise<T>,
): Cluster {
  return {
    resolve: (ref) => cluster.resolve(ref),
    get: (ref) => around({ verb: "get", ref, isWrite: false }, () => cluster.get(ref)),
    apply: (object, options) =>
      around(
        { verb: "apply", ref: refOf(object), isWrite: !options.dryRun },
        () => cluster.apply(object, options),
      ),
    create: (object, options) =>
      around(
        { verb: "create", ref: refOf(object), isWrite: !options.dryRun },
        () => cluster.create(object, options),
      ),
    merge: (ref, patch, version, options) =>
      around(
        { verb: "merge", ref, isWrite: !options.dryRun },
        () => cluster.merge(ref, patch, version, options),
      ),
    delete: (ref, uid, options) =>
      around(
        { verb: "delete", ref, isWrite: !options.dryRun },
        () => cluster.delete(ref, uid, options),
      ),
  };
}
