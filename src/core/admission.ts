/** Checks of a verified package against this cluster and this moment, before policy is asked. */
import { RefusedError } from "../errors.ts";
import type { WorkPackage } from "./work_package.ts";

export interface LocalCluster {
  readonly clusterId: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Both selectors must hold where both are given. Throws RefusedError `wrong_target`. */
export function checkTarget(workPackage: WorkPackage, cluster: LocalCluster): void {
  const { clusterIds, matchLabels } = workPackage.spec.target;
  if (clusterIds && !clusterIds.includes(cluster.clusterId)) {
    throw new RefusedError(
      "wrong_target",
      `The work package is for ${clusterIds.slice(0, 5).join(", ")}, this is ${cluster.clusterId}`,
      { hint: "send it to the cluster that it names" },
    );
  }
  const labels = new Map(Object.entries(cluster.labels));
  const miss = Object.entries(matchLabels ?? {}).find(([key, value]) => labels.get(key) !== value);
  if (miss) {
    const [key, wanted] = miss;
    const own = labels.get(key);
    throw new RefusedError(
      "wrong_target",
      `The work package wants label ${key}=${wanted}, this cluster has ${
        own === undefined ? "none" : `${key}=${own}`
      }`,
      { hint: "labels are set under execution.labels in the connector's configuration" },
    );
  }
}

/** The package is valid in [notBefore, expiresAt). Throws RefusedError `not_yet_valid` or `expired`. */
export function checkValidity(workPackage: WorkPackage, nowMs: number): void {
  const { notBefore, expiresAt } = workPackage.spec;
  if (nowMs < notBefore) {
    throw new RefusedError(
      "not_yet_valid",
      `The work package is valid from ${iso(notBefore)}, it is ${iso(nowMs)}`,
      { hint: "send it again then; check this host's clock if that is in the past" },
    );
  }
  if (nowMs >= expiresAt) {
    throw new RefusedError(
      "expired",
      `The work package expired at ${iso(expiresAt)}, it is ${iso(nowMs)}`,
      { hint: "have a new one signed; check this host's clock if that is in the future" },
    );
  }
}

/**
 * Sequences only go up within a stream.
 * @param highest the highest sequence accepted so far, null in a new stream
 * Throws RefusedError `sequence_not_newer`.
 */
export function checkSequence(workPackage: WorkPackage, highest: number | null): void {
  const { stream, sequence } = workPackage.metadata;
  if (highest !== null && sequence <= highest) {
    throw new RefusedError(
      "sequence_not_newer",
      `Stream ${stream} has already accepted sequence ${highest}, this one is ${sequence}`,
      { hint: "have the package signed again with the next sequence number" },
    );
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
