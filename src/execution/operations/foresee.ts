/** What is there now and what a dry run would make of it, both of the same version of the object. */
import { TransientError } from "../../errors.ts";
import { formatRef, type KubeObject, type ObjectRef } from "../../core/kubernetes_object.ts";
import type { Cluster, WriteResult } from "../cluster.ts";

const ATTEMPTS = 5;

export interface Foreseen {
  readonly before: KubeObject | null;
  readonly result: WriteResult;
}

/**
 * @param tryOut the dry run; its answer carries the resourceVersion of the object that it looked at
 * @param check refuses an object to which the change does not apply; asked before the dry run's answer
 */
export async function foresee(
  cluster: Cluster,
  ref: ObjectRef,
  tryOut: () => Promise<WriteResult>,
  check: (before: KubeObject | null) => void = () => {},
): Promise<Foreseen> {
  // The dry run takes longer, so it goes first.
  const [tried, got] = await Promise.allSettled([tryOut(), cluster.get(ref)]);
  if (got.status === "rejected") throw got.reason;
  check(got.value);
  if (tried.status === "rejected") throw tried.reason;
  let seen = { before: got.value, result: tried.value };
  // Someone wrote between the two: then one after the other, until nobody did.
  for (let attempt = 1; !isOfOneVersion(seen); attempt++) {
    if (attempt === ATTEMPTS) {
      throw new TransientError("unavailable", `${formatRef(ref)} changes faster than it is read`);
    }
    const before = await cluster.get(ref);
    check(before);
    seen = { before, result: await tryOut() };
  }
  return seen;
}

function isOfOneVersion({ before, result: { object, isNew } }: Foreseen): boolean {
  return before === null
    ? isNew
    : !isNew && before.metadata.resourceVersion === object.metadata.resourceVersion;
}
