/** GET /status on the Unix socket: everything that a person asks of a connector first. */
import * as z from "zod";
import { Gap, PartState } from "../core/protocol.ts";

const time = z.iso.datetime();
const durationMs = z.int().min(0);
const count = z.int().min(0);

export const QueryStatus = z.object({
  query: z.string(),
  node: z.string().nullable().describe("for which it is asked; null for the whole cluster"),
  newest: time.nullable().describe("the newest point that was acknowledged"),
  behindMs: durationMs.nullable().describe("how old the time is up to which all is acknowledged"),
  history: z.object({ pendingMs: durationMs, leftMs: durationMs, oldest: time.nullable() })
    .nullable()
    .describe("still to be sent, and how long that takes at signals.backfillSpeed"),
  gaps: z.array(z.object({ reason: Gap.shape.reason, durationMs, pending: count })).nullable()
    .describe("of the last 24 hours, or not acknowledged yet; null when they cannot be read"),
  seriesDropped: count.nullable().describe("left out of the newest window since the start"),
});

export const AgentStatus = z.object({
  at: time,
  ok: z.boolean().describe("false when a part is degraded or stalled"),
  version: z.string(),
  cluster: z.object({ name: z.string(), id: z.string().nullable() }),
  leadership: z.enum(["alone", "leads", "stands_by"]),
  leader: z.string().describe("who leads, as far as is known"),
  registered: time.nullable().describe("since when"),
  node: z.object({ name: z.string(), registered: time.nullable() }).nullable()
    .describe("of a standing of the node's own"),
  parts: z.array(
    z.object({ name: z.string(), state: PartState, reason: z.string(), since: time }),
  ),
  queries: z.array(QueryStatus),
  audit: z.object({
    records: count,
    acknowledged: count.nullable().describe("records of the head that the control plane holds"),
    archive: z.object({
      shipped: z.object({ day: z.iso.date(), record: count, at: time }).nullable()
        .describe("the last sealed segment here that is in the archive"),
      waiting: count.describe("sealed segments that are not"),
    }).nullable(),
  }),
});

export type QueryStatus = z.infer<typeof QueryStatus>;
export type AgentStatus = z.infer<typeof AgentStatus>;
