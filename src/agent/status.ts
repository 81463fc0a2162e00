/** What `status` shows, gathered from every side. Nothing is asked of any peer. */
import type { AuditHeads } from "../adapters/audit_heads.ts";
import type { AgentStatus, QueryStatus } from "../http/status.ts";
import type { Session } from "../core/session.ts";
import type { LeaderElection } from "../loops/leadership.ts";
import type { SignalsStreamer } from "../loops/signals.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import type { Streaming } from "./streaming.ts";
import { VERSION } from "./version.ts";

export interface StatusParts {
  readonly foundation: Foundation;
  readonly control: Pick<Control, "session">;
  readonly streaming: Pick<Streaming, "streamer" | "ofNode"> | null;
  readonly heads: Pick<AuditHeads, "heldSize">;
  /** null where this process stands for the cluster alone. */
  readonly election: Pick<LeaderElection, "isLeader" | "holder"> | null;
}

const TROUBLE = new Set(["degraded", "stalled"]);

export async function takeStatus(parts: StatusParts): Promise<AgentStatus> {
  const { foundation, control, streaming, election } = parts;
  const { config, health, runtime: { clock } } = foundation;
  const all = health.parts();
  const ofNode = streaming?.ofNode;
  const identity = control.session.identity() ?? ofNode?.standing.session.identity();
  return {
    at: iso(clock.now()),
    ok: !all.some(({ state }) => TROUBLE.has(state)),
    version: VERSION,
    cluster: { name: config.clusterName, id: identity?.clusterId ?? null },
    leadership: election === null ? "alone" : election.isLeader() ? "leads" : "stands_by",
    leader: election?.holder() ?? "",
    registered: registeredSince(foundation, control.session, "registration"),
    node: ofNode?.isCollector
      ? {
        name: ofNode.node,
        registered: registeredSince(foundation, ofNode.standing.session, "node-registration"),
      }
      : null,
    parts: all.map(({ name, state, reason, sinceMs }) => ({
      name,
      state,
      reason,
      since: iso(sinceMs),
    })),
    queries: [
      // What is left of a term that is over says nothing about the present.
      ...(streaming && (election?.isLeader() ?? true)
        ? await queriesOf(streaming.streamer, null)
        : []),
      ...(ofNode ? await queriesOf(ofNode.streamer, ofNode.node) : []),
    ],
    audit: auditOf(parts),
  };
}

/** While registrations succeed one after the other, the part stays as it is. */
function registeredSince(
  { health }: Foundation,
  session: Pick<Session, "current">,
  part: string,
): string | null {
  const found = health.get(part);
  return session.current() && found ? iso(found.sinceMs) : null;
}

async function queriesOf(
  streamer: Pick<SignalsStreamer, "overview">,
  node: string | null,
): Promise<QueryStatus[]> {
  const overview = await streamer.overview();
  return overview.map(({ query, newestMs, lagMs, backfill, gaps, seriesDropped }) => ({
    query,
    node,
    newest: newestMs === null ? null : iso(newestMs),
    behindMs: lagMs,
    history: backfill && {
      pendingMs: backfill.pendingMs,
      leftMs: Math.round(backfill.pendingMs / backfill.speed),
      oldest: backfill.oldestMs === null ? null : iso(backfill.oldestMs),
    },
    gaps: gaps && [...gaps],
    seriesDropped,
  }));
}

function auditOf({ foundation: { audit, config }, heads }: StatusParts): AgentStatus["audit"] {
  const sealed = audit.segments.list();
  const last = sealed.findLast(({ shipment }) => shipment !== null);
  return {
    records: audit.head.sequence,
    acknowledged: heads.heldSize,
    archive: config.audit.s3
      ? {
        shipped: last?.shipment
          ? { day: last.day, record: last.lastSequence, at: iso(last.shipment.shippedAtMs) }
          : null,
        waiting: sealed.filter(({ shipment }) => shipment === null).length,
      }
      : null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
