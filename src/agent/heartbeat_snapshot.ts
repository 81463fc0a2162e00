/** What a heartbeat says, gathered from every side. */
import type { FileAuditLog } from "../adapters/audit_file.ts";
import type { HeartbeatSnapshot } from "../loops/heartbeat.ts";
import type { Control } from "./control.ts";
import type { Execution } from "./execution.ts";
import type { Foundation } from "./foundation.ts";
import type { NodeStreaming } from "./node_streaming.ts";
import type { Streaming } from "./streaming.ts";
import { VERSION } from "./version.ts";

export async function takeSnapshot(
  foundation: Foundation,
  control: Control,
  execution: Execution,
  streaming: Streaming | null,
): Promise<HeartbeatSnapshot> {
  const open = execution.book.listOpen();
  return {
    clusterId: control.session.identity()?.clusterId ?? "",
    version: VERSION,
    parts: foundation.health.parts(),
    signals: [
      ...streaming?.streamer.lag() ?? [],
      // A node with a standing of its own speaks for itself.
      ...(streaming?.ofNode?.isCollector === false ? streaming.ofNode.streamer.lag() : []),
    ],
    executions: {
      open: open.length,
      pendingApproval: open.filter(({ state }) => state === "pending_approval").length,
    },
    audit: await latestCheckpoint(foundation.audit),
  };
}

/** What a collector says of its node: it stands for nothing else, and carries nothing out. */
export async function takeNodeSnapshot(
  foundation: Foundation,
  { node, standing, streamer }: NodeStreaming,
): Promise<HeartbeatSnapshot> {
  return {
    clusterId: standing.session.identity()?.clusterId ?? "",
    node,
    version: VERSION,
    parts: foundation.health.parts(),
    signals: streamer.lag(),
    executions: { open: 0, pendingApproval: 0 },
    audit: await latestCheckpoint(foundation.audit),
  };
}

/** A damaged log signs nothing; the heartbeat goes out all the same and shows the part's state. */
async function latestCheckpoint(audit: FileAuditLog): Promise<HeartbeatSnapshot["audit"]> {
  try {
    const { size, note } = await audit.checkpoint();
    return { size, checkpoint: note };
  } catch {
    return null;
  }
}
