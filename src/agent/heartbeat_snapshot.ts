/** What a heartbeat says, gathered from every side. */
import type { AuditHeads } from "../adapters/audit_heads.ts";
import { describeError, RefusedError } from "../errors.ts";
import type { HeartbeatSnapshot } from "../loops/heartbeat.ts";
import type { Control } from "./control.ts";
import type { Execution } from "./execution.ts";
import type { Foundation } from "./foundation.ts";
import type { NodeStreaming } from "./node_streaming.ts";
import type { Streaming } from "./streaming.ts";
import { VERSION } from "./version.ts";

const PART = "audit_heads";

export async function takeSnapshot(
  foundation: Foundation,
  control: Control,
  execution: Execution,
  streaming: Streaming | null,
  heads: AuditHeads,
): Promise<HeartbeatSnapshot> {
  const open = execution.book.listOpen();
  const audit = await latestHead(heads, foundation);
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
    audit,
  };
}

/**
 * What a collector says of its node: it stands for nothing else, and carries nothing out.
 * @param heads null while the cluster's heartbeat carries them: each head goes one way
 */
export async function takeNodeSnapshot(
  foundation: Foundation,
  { node, standing, streamer }: NodeStreaming,
  heads: AuditHeads | null,
): Promise<HeartbeatSnapshot> {
  const audit = heads && await latestHead(heads, foundation);
  return {
    clusterId: standing.session.identity()?.clusterId ?? "",
    node,
    version: VERSION,
    parts: foundation.health.parts(),
    signals: streamer.lag(),
    executions: { open: 0, pendingApproval: 0 },
    audit,
  };
}

/** A damaged log signs nothing; the heartbeat goes out all the same and shows the part's state. */
async function latestHead(
  heads: AuditHeads,
  { health, log }: Foundation,
): Promise<HeartbeatSnapshot["audit"]> {
  try {
    const head = await heads.next();
    health.report(PART, "ok", `${head.size} records, read back and signed`);
    return head;
  } catch (error) {
    const reason = describeError(error);
    if (health.get(PART)?.reason !== reason) log.log("error", "audit_head_refused", { reason });
    health.report(PART, error instanceof RefusedError ? "stalled" : "degraded", reason);
    return null;
  }
}
