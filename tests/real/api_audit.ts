/** The API server's own word on who changed what, in the order in which etcd has it. */
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly responseObject?: {
    readonly metadata?: { readonly resourceVersion?: string };
    readonly spec?: { readonly holderIdentity?: string };
  };
}

export interface Change {
  /** etcd's revision, which is one count for all objects of a cluster. */
  readonly revision: number;
  readonly user: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Of a Lease: who holds it from here on. */
  readonly holder: string | null;
}

/** What connectors changed and the server carried out, dry runs left out, oldest first. */
export async function readChanges({ folder }: RunningKubernetes): Promise<Change[]> {
  const lines = (await Deno.readTextFile(`${folder}/audit.jsonl`)).split("\n");
  const changes = lines.filter((line) => line !== "").flatMap((line): Change[] => {
    const { requestURI, user, objectRef, responseStatus, responseObject }: AuditEvent = JSON.parse(
      line,
    );
    const { code = 0 } = responseStatus ?? {};
    const revision = Number(responseObject?.metadata?.resourceVersion);
    if (code < 200 || code > 299 || requestURI.includes("dryRun=") || !(revision > 0)) return [];
    const { resource = "", namespace = "", name = "" } = objectRef ?? {};
    const holder = resource === "leases" ? responseObject?.spec?.holderIdentity ?? "" : null;
    return [{ revision, user: user.username, resource, namespace, name, holder }];
  });
  return changes.sort((a, b) => a.revision - b.revision);
}

export interface Rule {
  /** Changes that somebody made who did not hold the Lease at that revision. */
  readonly breaches: readonly Change[];
  /** How often the Lease went to another. */
  readonly takeovers: number;
  /** Changes by user, the Lease's own left out. */
  readonly writes: ReadonlyMap<string, number>;
}

/** @param lease `namespace/name`; a holder's name is what stands before `_` */
export function judgeChanges(changes: readonly Change[], lease: string): Rule {
  const breaches: Change[] = [];
  const writes = new Map<string, number>();
  let holder = "";
  let takeovers = 0;
  for (const change of changes) {
    if (change.holder !== null) {
      if (`${change.namespace}/${change.name}` !== lease) continue;
      const name = change.holder.split("_")[0]!;
      if (name !== "" && name !== holder) takeovers += 1;
      holder = name;
      continue;
    }
    writes.set(change.user, (writes.get(change.user) ?? 0) + 1);
    if (change.user !== holder) breaches.push(change);
  }
  return { breaches, takeovers, writes };
}
