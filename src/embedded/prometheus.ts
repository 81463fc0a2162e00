/**
 * A Prometheus server in memory: query_range with its real limits and error bodies, over TLS.
 * Speaks prometheus/docs/querying/api.md, as far as a range query goes.
 */
import { parseDuration } from "../core/duration.ts";
import type { Clock } from "../runtime.ts";
import type { Pki } from "./pki.ts";
import { EvaluationError } from "./prometheus_constant.ts";
import { evaluate, type SimSeries } from "./prometheus_series.ts";
import { serveTls, type TlsServer } from "./serve.ts";

export interface EmbeddedPrometheus {
  readonly url: string;
  readonly server: TlsServer;
  /** What may be changed while it runs. */
  readonly settings: PrometheusSettings;
  /** How many range queries it has been asked. */
  readonly queries: number;
  /** The exact content for an expression; empty when nothing matches, Error when it is not understood. */
  expected(expr: string, startMs: number, endMs: number, stepMs: number): SimSeries[];
  close(): Promise<void>;
}

export interface PrometheusSettings {
  /** Above it, a query is refused with 422. */
  maxSamples: number;
  /** Put into every successful answer. */
  warnings: string[];
  /** Put beside the data of every successful answer: infos, stats, isPartial. */
  extras: Record<string, unknown>;
  /** Answers as a server in agent mode does. */
  agentMode: boolean;
}

export interface PrometheusOptions {
  readonly pki: Pki;
  readonly clock: Clock;
  readonly port?: number;
  /** Demanded of every API call when given. */
  readonly bearerToken?: string;
}

const MAX_INTERVALS = 11_000;
const MAX_FORM_BYTES = 1024 * 1024;

export async function startPrometheus(options: PrometheusOptions): Promise<EmbeddedPrometheus> {
  const { pki, clock, port, bearerToken } = options;
  const settings: PrometheusSettings = {
    maxSamples: 50_000_000,
    warnings: [],
    extras: {},
    agentMode: false,
  };
  let queries = 0;

  async function handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/-/ready") return new Response("Prometheus Server is Ready.\n");
    if (bearerToken && request.headers.get("authorization") !== `Bearer ${bearerToken}`) {
      return new Response("Unauthorized\n", { status: 401 });
    }
    const dated = { date: new Date(clock.now()).toUTCString() };
    switch (url.pathname) {
      case "/api/v1/status/buildinfo":
        return Response.json({
          status: "success",
          data: { version: "3.5.0", revision: "embedded", goVersion: "none" },
        }, { headers: dated });
      case "/api/v1/query_range": {
        if (request.method !== "GET" && request.method !== "POST") {
          return new Response("Method Not Allowed\n", { status: 405 });
        }
        queries += 1;
        const { status, body } = queryRange(await readForm(request, url), settings, clock.now());
        return compressed(request, JSON.stringify(body), status, dated);
      }
      default:
        return new Response("404 page not found\n", { status: 404 });
    }
  }

  const server = await serveTls(pki, "prometheus", handle, port === undefined ? {} : { port });
  return {
    url: server.url,
    server,
    settings,
    get queries() {
      return queries;
    },
    expected(expr, startMs, endMs, stepMs) {
      const series = evaluate(expr, startMs, endMs, stepMs);
      if (!series) throw new Error(`The embedded Prometheus does not understand ${expr}`);
      return series;
    },
    close: () => server.close(),
  };
}

interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

function queryRange(form: URLSearchParams, settings: PrometheusSettings, nowMs: number): ApiAnswer {
  if (settings.agentMode) return failure(422, "execution", "unavailable with Prometheus Agent");
  const [startMs, endMs] = [parseTime(form.get("start")), parseTime(form.get("end"))];
  const stepMs = parseStep(form.get("step"));
  if (startMs === null) return unreadable(form, "start", "timestamp");
  if (endMs === null) return unreadable(form, "end", "timestamp");
  if (endMs < startMs) return badParameter("end", "end timestamp must not be before start time");
  if (stepMs === null) return unreadable(form, "step", "duration");
  if (stepMs <= 0) {
    const text = "zero or negative query resolution step widths are not accepted. " +
      "Try a positive integer";
    return badParameter("step", text);
  }
  if (Math.floor((endMs - startMs) / stepMs) > MAX_INTERVALS) {
    const text = "exceeded maximum resolution of 11,000 points per timeseries. " +
      "Try decreasing the query resolution (?step=XX)";
    return failure(400, "bad_data", text);
  }
  const query = form.get("query") ?? "";
  if (query === "") return badParameter("query", "1:1: parse error: no expression found in input");
  let series: SimSeries[] | null;
  try {
    series = evaluate(query, startMs, endMs, stepMs, nowMs);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    return failure(422, "execution", error.message);
  }
  if (!series) return badParameter("query", "1:1: parse error: unexpected expression");
  const samples = series.reduce((sum, one) => sum + one.values.length + one.histograms.length, 0);
  if (samples > settings.maxSamples) {
    const text = "query processing would load too many samples into memory in query execution";
    return failure(422, "execution", text);
  }
  const { warnings, extras } = settings;
  return {
    status: 200,
    body: {
      status: "success",
      data: { resultType: "matrix", result: series.map(toApi) },
      ...(warnings.length > 0 ? { warnings } : {}),
      ...extras,
    },
  };
}

function toApi({ labels, values, histograms }: SimSeries) {
  return {
    metric: labels,
    ...(values.length > 0 ? { values: values.map(([ms, value]) => [ms / 1000, value]) } : {}),
    ...(histograms.length > 0
      ? { histograms: histograms.map(([ms, value]) => [ms / 1000, value]) }
      : {}),
  };
}

function failure(status: number, errorType: string, error: string): ApiAnswer {
  return { status, body: { status: "error", errorType, error } };
}

function badParameter(name: string, problem: string): ApiAnswer {
  return failure(400, "bad_data", `invalid parameter "${name}": ${problem}`);
}

function unreadable(form: URLSearchParams, name: string, type: string): ApiAnswer {
  return badParameter(name, `cannot parse "${form.get(name) ?? ""}" to a valid ${type}`);
}

function parseTime(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

function parseStep(text: string | null): number | null {
  if (text === null) return null;
  return /^-?\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : parseDuration(text);
}

async function readForm(request: Request, url: URL): Promise<URLSearchParams> {
  if (request.method !== "POST") return url.searchParams;
  const text = await request.text();
  return new URLSearchParams(text.slice(0, MAX_FORM_BYTES));
}

function compressed(
  request: Request,
  text: string,
  status: number,
  headers: Record<string, string>,
): Response {
  const plain = new Response(text).body!;
  const accepts = request.headers.get("accept-encoding")?.includes("gzip") ?? false;
  return new Response(accepts ? plain.pipeThrough(new CompressionStream("gzip")) : plain, {
    status,
    headers: {
      ...headers,
      "content-type": "application/json",
      ...(accepts ? { "content-encoding": "gzip" } : {}),
    },
  });
}
