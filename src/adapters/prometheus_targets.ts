/** How often Prometheus scrapes: GET /api/v1/targets, as far as the source has that. */
import * as z from "zod";
import { parseDuration } from "../core/duration.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { ConnectorError } from "../errors.ts";
import type { Peer } from "./peer.ts";

export interface ScrapePool {
  /** Of the scrape configuration. */
  readonly name: string;
  readonly intervalMs: number;
}

const Answer = z.object({
  data: z.object({
    activeTargets: z.array(z.object({
      scrapePool: z.string(),
      /** Since Prometheus 2.31. */
      scrapeInterval: z.string().optional(),
    })),
  }),
});

/**
 * Each pool once, the slowest first; null where the source does not say: VictoriaMetrics, Thanos, Mimir.
 * @param authorization headers
 */
export async function readScrapePools(
  peer: Peer,
  authorization: Record<string, string>,
): Promise<ScrapePool[] | null> {
  try {
    const { status, body } = await peer.send({
      method: "GET",
      path: "/api/v1/targets?state=active",
      headers: { accept: "application/json", ...authorization },
    });
    const answer = status === 200 ? Answer.safeParse(JSON.parse(decodeUtf8(body))) : null;
    return answer?.success ? slowestFirst(answer.data.data.activeTargets) : null;
  } catch (error) {
    // It only advises: whoever cannot be asked says so to the queries.
    if (error instanceof ConnectorError || error instanceof SyntaxError) return null;
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function slowestFirst(
  targets: z.infer<typeof Answer>["data"]["activeTargets"],
): ScrapePool[] {
  const pools = new Map<string, number>();
  for (const { scrapePool, scrapeInterval } of targets) {
    const intervalMs = parseDuration(scrapeInterval ?? "");
    if (intervalMs === null) continue;
    pools.set(scrapePool, Math.max(intervalMs, pools.get(scrapePool) ?? 0));
  }
  return [...pools].map(([name, intervalMs]) => ({ name, intervalMs }))
    .sort((a, b) => b.intervalMs - a.intervalMs);
}
