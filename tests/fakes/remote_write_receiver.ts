/**
 * A remote-write receiver that keeps samples as Prometheus does: per series in the order of time alone, the
 * last one again if it is the same. Requests are read by software that is not ours.
 */
import type { Pki } from "../../src/embedded/pki.ts";
import { serveTls, type TlsServer } from "../../src/embedded/serve.ts";
import { type DecodedSeries, decodeRequest, unpack } from "../core/signals/remote_write/decode.ts";

export interface ReceiverManners {
  /** What it does with a request of 2.0: takes it, says 415, or reads nothing in it and says 204. */
  knows2: "yes" | "no" | "unaware";
  /** Prometheus 2 takes a request whole or not at all; 3 keeps what is good of one that it refuses. */
  atomic: boolean;
  outOfOrder: boolean;
  /** Samples before it are refused as out of bounds. */
  oldestMs: number;
  /** Answers that go astray after the request was dealt with. */
  lostAnswers: number;
  /** Refused with 400 for good. */
  refuses: (series: DecodedSeries) => boolean;
}

/** The bits of the marker of a series' end. */
export const STALE = "7ff0000000000002";

export interface FakeReceiver {
  readonly server: TlsServer;
  readonly manners: ReceiverManners;
  readonly requests: { readonly headers: Headers; readonly version: "1.0" | "2.0" }[];
  /** By the labels as JSON, by time: a float's bits, or count and sum of a histogram; STALE at an end. */
  readonly kept: Map<string, Map<number, string>>;
}

export async function startReceiver(pki: Pki): Promise<FakeReceiver> {
  const manners: ReceiverManners = {
    knows2: "yes",
    atomic: true,
    outOfOrder: false,
    oldestMs: 0,
    lostAnswers: 0,
    refuses: () => false,
  };
  const kept: FakeReceiver["kept"] = new Map();
  const requests: FakeReceiver["requests"] = [];
  const server = await serveTls(pki, "receiver", async (request) => {
    const body = unpack(new Uint8Array(await request.arrayBuffer()));
    const version = request.headers.get("content-type")!.includes("v2.Request") ? "2.0" : "1.0";
    requests.push({ headers: request.headers, version });
    if (version === "2.0" && manners.knows2 === "no") return new Response("no", { status: 415 });
    if (version === "2.0" && manners.knows2 === "unaware") {
      decodeRequest(body, "1.0");
      return new Response(null, { status: 204 });
    }
    const { refusal, written } = store(kept, decodeRequest(body, version), manners);
    if (manners.lostAnswers > 0) {
      manners.lostAnswers -= 1;
      return new Response(null, { status: 503, headers: { "retry-after": "0" } });
    }
    const headers = new Headers();
    if (version === "2.0") {
      headers.set("x-prometheus-remote-write-samples-written", String(written.samples));
      headers.set("x-prometheus-remote-write-histograms-written", String(written.histograms));
      headers.set("x-prometheus-remote-write-exemplars-written", "0");
    }
    return refusal === null
      ? new Response(null, { status: 204, headers })
      : new Response(refusal, { status: 400, headers });
  });
  return { server, manners, requests, kept };
}

function store(
  kept: FakeReceiver["kept"],
  request: readonly DecodedSeries[],
  manners: ReceiverManners,
) {
  const written = { samples: 0, histograms: 0 };
  const before = new Map([...kept].map(([key, points]) => [key, new Map(points)]));
  let refusal: string | null = null;
  for (const series of request) {
    const key = JSON.stringify(series.labels);
    const points = kept.get(key) ?? new Map<number, string>();
    kept.set(key, points);
    const items = [
      ...series.samples.map(({ timestampMs, bits }) => ({ timestampMs, bits })),
      ...series.histograms.map(({ timestampMs, countFloat, sum, sumBits }) => ({
        timestampMs,
        bits: sumBits === STALE ? STALE : `${countFloat} ${sum}`,
      })),
    ];
    for (const { timestampMs, bits } of items) {
      const newest = Math.max(-1, ...points.keys());
      const isAgain = timestampMs === newest && points.get(newest) === bits;
      let problem: string | null = null;
      if (manners.refuses(series)) problem = "label too long";
      else if (timestampMs < manners.oldestMs) problem = "out of bounds";
      else if (manners.outOfOrder || timestampMs > newest || isAgain) problem = null;
      else if (timestampMs === newest) problem = "duplicate sample for timestamp";
      else problem = "out of order sample";
      if (problem === null) {
        points.set(timestampMs, bits);
      } else refusal ??= problem;
    }
    written.samples += series.samples.length;
    written.histograms += series.histograms.length;
  }
  // What it says is of no interest with a refusal.
  if (refusal !== null && manners.atomic) {
    kept.clear();
    for (const [key, points] of before) kept.set(key, points);
  }
  for (const [key, points] of kept) if (points.size === 0) kept.delete(key);
  return { refusal, written };
}
