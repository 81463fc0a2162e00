/** The embedded Prometheus, and a real one, asked with a plain fetch past all of the connector's code. */
import { readCa, readConfigured } from "../../../agent/read_files.ts";
import type { Config, ConfigInput } from "../../../config/schema.ts";
import { type EmbeddedPrometheus, startPrometheus } from "../../../embedded/prometheus.ts";
import type { SimHistogram, SimSeries } from "../../../embedded/prometheus_series.ts";
import { systemFiles } from "../../../runtime_deno/files.ts";
import { randomSecret } from "../random_secret.ts";
import type { Place, PrometheusPeer } from "./peer.ts";

const EMBEDDED_QUERIES = [
  { name: "requests", expr: "sim_requests_total" },
  { name: "queue", expr: "sim_queue_depth" },
  { name: "latency", expr: "sim_latency" },
];
const EMBEDDED_STEP_MS = 250;
const REAL_STEP_MS = 1000;

export async function embeddedPrometheus(
  place: Place,
): Promise<PrometheusPeer & { readonly embedded: EmbeddedPrometheus }> {
  const { pki, clock, caFile } = place;
  const bearerToken = `prom-${randomSecret()}`;
  const prometheus = await startPrometheus({ pki, clock, bearerToken });
  return {
    name: "Prometheus",
    embedded: prometheus,
    url: prometheus.url,
    section: {
      url: prometheus.url,
      caFile,
      bearerTokenFile: await place.write("prometheus.token", bearerToken),
    },
    signals: signals(EMBEDDED_QUERIES, EMBEDDED_STEP_MS, "1s", "500ms"),
    queries: EMBEDDED_QUERIES,
    stepMs: EMBEDDED_STEP_MS,
    expected: (expr, startMs, endMs) =>
      Promise.resolve(prometheus.expected(expr, startMs, endMs, EMBEDDED_STEP_MS)),
    secrets: () => [bearerToken],
    close: () => prometheus.close(),
  };
}

/** @param config the same section, parsed, with the queries that are to be streamed */
export async function realPrometheus(
  section: NonNullable<ConfigInput["prometheus"]>,
  config: Pick<Config, "prometheus" | "signals">,
): Promise<PrometheusPeer> {
  const prometheus = config.prometheus!;
  const { caPem } = await readCa(systemFiles, "prometheus.caFile", prometheus.caFile);
  const secret = await readSecret(prometheus);
  const client = Deno.createHttpClient(caPem ? { caCerts: [caPem] } : {});
  const named = config.signals.queries.map(({ name, expr }) => ({ name, expr }));
  const queries = named.length > 0 ? named : [{ name: "up", expr: "up" }];

  async function expected(expr: string, startMs: number, endMs: number): Promise<SimSeries[]> {
    const query = new URLSearchParams({
      query: expr,
      start: String(startMs / 1000),
      end: String(endMs / 1000),
      step: String(REAL_STEP_MS / 1000),
    });
    const url = `${prometheus.url.replace(/\/$/, "")}/api/v1/query_range?${query}`;
    const headers: Record<string, string> = secret ? { authorization: secret.header } : {};
    const response = await fetch(url, { client, headers, redirect: "error" });
    const answer = await response.json();
    if (answer.status !== "success") throw new Error(`query_range: ${JSON.stringify(answer)}`);
    return answer.data.result.map(toSeries);
  }

  try {
    await expected("vector(1)", 0, 0);
  } catch (error) {
    client.close();
    throw error;
  }
  return {
    name: "Prometheus",
    url: prometheus.url,
    section,
    // A window may only be read when the scrapes that fall into it are in, on a busy machine too.
    signals: signals(queries, REAL_STEP_MS, "2s", "5s"),
    queries,
    stepMs: REAL_STEP_MS,
    expected,
    secrets: () => secret ? [secret.value] : [],
    close: () => Promise.resolve(client.close()),
  };
}

async function readSecret({ bearerTokenFile, basicAuth }: NonNullable<Config["prometheus"]>) {
  const read = async (key: string, path: string) =>
    (await readConfigured(systemFiles, `prometheus.${key}`, path)).trim();
  if (bearerTokenFile) {
    const value = await read("bearerTokenFile", bearerTokenFile);
    return { value, header: `Bearer ${value}` };
  }
  if (!basicAuth) return null;
  const value = await read("basicAuth.passwordFile", basicAuth.passwordFile);
  return { value, header: `Basic ${btoa(`${basicAuth.username}:${value}`)}` };
}

interface RangeSeries {
  readonly metric: Record<string, string>;
  readonly values?: readonly (readonly [number, string])[];
  readonly histograms?: readonly (readonly [number, SimHistogram])[];
}

function toSeries({ metric, values = [], histograms = [] }: RangeSeries): SimSeries {
  const inMs = <T>(points: readonly (readonly [number, T])[]) =>
    points.map(([seconds, value]) => [Math.round(seconds * 1000), value] as const);
  return { labels: metric, values: inMs(values), histograms: inMs(histograms) };
}

/** Shorter periods than anyone would use, so that one need not wait. */
function signals(
  queries: readonly { readonly name: string; readonly expr: string }[],
  stepMs: number,
  window: string,
  settle: string,
) {
  return {
    window,
    settle,
    startFrom: "5s",
    backfill: "10m",
    queries: queries.map((query) => ({ ...query, step: `${stepMs}ms` })),
  };
}
