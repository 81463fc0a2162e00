/** Packages of files against a real directory: the execution side of an edge host, without a cluster's part. */
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { nameBytes } from "../../src/execution/stages.ts";
import { type Ground, packageOf, send, Stand, type StandOptions } from "./execution_stand.ts";
import { type HostTree, openTree } from "./host_tree.ts";

export const FILE_POLICY = `
apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - name: web
    namespaces: [web]
    kinds: [files.neuralops.io/v1/File]
    actions: [files]
`;

export type EntryInput = Readonly<Record<string, unknown>> & { readonly path: string };

export interface FileWorld {
  readonly ground: Ground;
  readonly host: HostTree;
  /** The state directory. */
  readonly directory: string;
}

export async function layFileWorld(ground: Ground, name: string): Promise<FileWorld> {
  const directory = `${ground.directory}/${name}`;
  await Deno.mkdir(`${directory}/files/web`, { recursive: true });
  return { ground, directory, host: await openTree(`${directory}/files/web`) };
}

export function filesAction(entries: readonly EntryInput[], root = "web"): string {
  return `    - ${JSON.stringify({ files: { root, entries } })}`;
}

export async function openFileStand(
  { ground, host, directory }: FileWorld,
  options: StandOptions = {},
): Promise<Stand> {
  return await Stand.open(ground, {
    policy: FILE_POLICY,
    hostFiles: host.files(),
    directory,
    ...options,
  });
}

/** Sends the package of these actions. */
export async function sendFiles(
  stand: Stand,
  { ground }: FileWorld,
  actions: string,
  onFailure = "rollback",
): Promise<string> {
  const stream = `s-${crypto.randomUUID()}`;
  const bytes = packageOf({ actions, stream, onFailure, timeout: "5s" });
  await send(stand, ground, bytes);
  return nameBytes(bytes).id;
}

/** Approves the plan that waits, and resolves with the end. */
export async function approveToEnd(stand: Stand, id: string): Promise<ExecutionRecord> {
  const waiting = await stand.until(id, "pending_approval", "refused");
  if (waiting.state === "refused") return waiting;
  await stand.approvals.approve(id, waiting.plan!.digest, stand.people.alice);
  return await stand.until(
    id,
    ...["succeeded", "failed", "rolled_back", "rollback_failed", "plan_changed"] as const,
  );
}
