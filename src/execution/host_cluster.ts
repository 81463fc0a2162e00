/** What an engine without a cluster has, and a cluster that knows the host's files as objects too. */
import { RefusedError } from "../errors.ts";
import { fileObject, isFileRef } from "../core/host_file.ts";
import type { Cluster } from "./cluster.ts";
import type { HostFiles } from "./host_files.ts";

const refuse = () =>
  Promise.reject(
    new RefusedError("not_found", "This connector has no cluster: kubernetes.mode is none", {
      hint: "only files actions can be carried out here; send the package to a cluster's connector",
    }),
  );

/** Refuses every Kubernetes object. */
export const noCluster: Cluster = {
  resolve: refuse,
  get: refuse,
  apply: refuse,
  create: refuse,
  merge: refuse,
  delete: refuse,
};

/** Whoever waits for an object need not know what kind of thing it is. */
export function withHostFiles(cluster: Cluster, files: HostFiles): Cluster {
  return {
    async get(ref) {
      if (!isFileRef(ref)) return await cluster.get(ref);
      const seen = await files.look({ root: ref.namespace ?? "", path: ref.name });
      return seen.file && fileObject(ref, seen);
    },
    resolve: (ref) => cluster.resolve(ref),
    apply: (object, options) => cluster.apply(object, options),
    create: (object, options) => cluster.create(object, options),
    merge: (ref, patch, version, options) => cluster.merge(ref, patch, version, options),
    delete: (ref, uid, options) => cluster.delete(ref, uid, options),
  };
}
