/** A server of query_range, asked plainly and through the connector's source. */
import assert from "node:assert/strict";
import { Peer } from "../../../src/adapters/peer.ts";
import { PrometheusSource } from "../../../src/adapters/prometheus.ts";
import type { RangeSeries } from "../../../src/core/signals/batch.ts";
import type { RangeAnswer } from "../../../src/core/signals/range_answer.ts";
import type { Window } from "../../../src/core/signals/windows.ts";
import { SecretMask } from "../../../src/log.ts";
import { systemClock, systemRandom } from "../../../src/runtime_deno.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";
import { systemHttp } from "../../../src/runtime_deno/http.ts";
import { Collector } from "../../core/signals/collector.ts";

export interface PrometheusTarget extends AsyncDisposable {
  readonly url: string;
  /** null in clear. */
  readonly caPem: string | null;
  /** A server of this kind that holds no more samples in a query than this. */
  limited(maxSamples: number): Promise<PrometheusTarget>;
}

export const SIGNAL = new AbortController().signal;
/** On any grid that the tests use; in the past of every clock. */
export const START_S = 1_763_805_600;

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

export type Fields = Readonly<Record<string, string | number>>;

export function form(fields: Fields): URLSearchParams {
  return new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, `${value}`]));
}

/** Plain fetch, past all of our code. */
export async function call(
  { url, caPem }: PrometheusTarget,
  path: string,
  init: RequestInit = {},
): Promise<Answered> {
  const client = Deno.createHttpClient(caPem === null ? {} : { caCerts: [caPem] });
  try {
    const response = await fetch(url + path, { ...init, client });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    const { status, headers } = response;
    return { status, headers, text, json: isJson ? JSON.parse(text) : null };
  } finally {
    client.close();
  }
}

export async function post(target: PrometheusTarget, fields: Fields): Promise<Answered> {
  return await call(target, "/api/v1/query_range", { method: "POST", body: form(fields) });
}

/** The values of an expression's one series at one moment or more. */
export async function valuesOf(target: PrometheusTarget, query: string, more: Fields = {}) {
  const fields = { query, start: START_S, end: START_S, step: 1, ...more };
  const { status, text, json } = await post(target, fields);
  assert.equal(status, 200, text);
  assert.ok(json.data.result.length <= 1, text);
  return (json.data.result[0]?.values ?? []) as [number, string][];
}

/** What the connector makes of it, with the series that it read. */
export async function ask(
  { url, caPem }: PrometheusTarget,
  expr: string,
  window: Window,
): Promise<RangeAnswer & { columns: readonly RangeSeries[] }> {
  const runtime = {
    clock: systemClock(),
    random: systemRandom,
    files: systemFiles,
    http: systemHttp,
  };
  const peer = new Peer(runtime, {
    name: "Prometheus",
    baseUrl: url,
    timeoutMs: 10_000,
    maxResponseBytes: 1 << 20,
    ...(caPem === null ? {} : { caPem }),
  });
  try {
    const source = new PrometheusSource(peer, systemFiles, {}, new SecretMask(), systemRandom);
    const collector = new Collector(window);
    const answer = await source.queryRange({ expr, window }, collector, SIGNAL);
    return { ...answer, columns: collector.series };
  } finally {
    peer.close();
  }
}

export function windowOf(stepMs: number, steps: number): Window {
  const startMs = START_S * 1000;
  return { startMs, endMs: startMs + (steps - 1) * stepMs, stepMs };
}
