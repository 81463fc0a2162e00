/** POST /signals: what the Insight Engine would hold. A point exists once, however often it is sent. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decodeUtf8, sha256Hex } from "../../core/encoding.ts";
import {
  type Gap,
  type HistogramPoint,
  type SampleValue,
  SIGNALS_MEDIA_TYPE,
  SignalsBatch,
} from "../../core/protocol.ts";
import { parseJson, parseOrRefuse, Refusal } from "./problem.ts";

const MAX_BATCH_BYTES = 64 * 1024 * 1024;

export interface StoredPoint {
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly value: Exclude<SampleValue, null>;
}

export interface StoredHistogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly histogram: Omit<HistogramPoint, "index">;
}

export interface StoredGap {
  readonly query: string;
  readonly gap: Gap;
}

export class SignalStore {
  readonly batches: SignalsBatch[] = [];
  readonly gaps: StoredGap[] = [];
  /** Batches that came again, byte for byte. */
  duplicates = 0;
  /** Batches that came again with other content: a fault of the sender. */
  conflicts = 0;
  /** Points that were overwritten with another value: a fault of the sender, but for `signals.reread`. */
  changedPoints = 0;
  readonly #points = new Map<string, Map<string, StoredPoint>>();
  readonly #histograms = new Map<string, Map<string, StoredHistogram>>();
  readonly #digests = new Map<string, string>();

  accept(clusterId: string, headers: Headers, body: Uint8Array): void {
    const type = headers.get("content-type");
    if (type !== SIGNALS_MEDIA_TYPE) {
      throw new Refusal(415, "malformed_request", `content-type ${type} is not signals`);
    }
    const bytes = decompress(headers.get("content-encoding"), body);
    const batch = parseOrRefuse(SignalsBatch, parseJson(decodeUtf8(bytes)));
    if (headers.get("idempotency-key") !== batch.batchId) {
      throw new Refusal(400, "malformed_request", "idempotency-key is not the batch id");
    }
    if (batch.clusterId !== clusterId) {
      throw new Refusal(403, "access_denied", "the batch is another cluster's");
    }
    checkShape(batch);
    if (!this.#isNew(batch.batchId, sha256Hex(bytes))) return;
    this.batches.push(batch);
    this.#store(batch);
  }

  /** By series, then by time. */
  points(query: string): StoredPoint[] {
    return sorted(this.#points.get(query));
  }

  histograms(query: string): StoredHistogram[] {
    return sorted(this.#histograms.get(query));
  }

  #isNew(batchId: string, digest: string): boolean {
    const before = this.#digests.get(batchId);
    if (before === undefined) {
      this.#digests.set(batchId, digest);
      return true;
    }
    if (before === digest) {
      this.duplicates += 1;
      return false;
    }
    this.conflicts += 1;
    throw new Refusal(409, "malformed_request", `batch ${batchId} came before with other content`);
  }

  #store({ query, window, series, histograms, gaps }: SignalsBatch): void {
    const points = entry(this.#points, query.name);
    for (const { labels, values } of series) {
      for (const [index, value] of values.entries()) {
        if (value === null) continue;
        const timestampMs = window.startMs + index * window.stepMs;
        const key = pointKey(labels, timestampMs);
        const before = points.get(key);
        if (before && before.value !== value) this.changedPoints += 1;
        points.set(key, { labels, timestampMs, value });
      }
    }
    const stored = entry(this.#histograms, query.name);
    for (const { labels, points: histogramPoints } of histograms) {
      for (const { index, ...histogram } of histogramPoints) {
        const timestampMs = window.startMs + index * window.stepMs;
        stored.set(pointKey(labels, timestampMs), { labels, timestampMs, histogram });
      }
    }
    for (const gap of gaps) this.gaps.push({ query: query.name, gap });
  }
}

function decompress(encoding: string | null, body: Uint8Array): Uint8Array {
  const options = { maxOutputLength: MAX_BATCH_BYTES };
  try {
    if (encoding === "zstd") return zstdDecompressSync(body, options);
    if (encoding === "gzip") return gunzipSync(body, options);
  } catch {
    throw new Refusal(400, "malformed_request", `the body is no ${encoding}, or too large`);
  }
  throw new Refusal(415, "malformed_request", `content-encoding ${encoding} is not zstd or gzip`);
}

function checkShape({ window, series, histograms }: SignalsBatch): void {
  const { startMs, endMs, stepMs } = window;
  if (endMs < startMs || startMs % stepMs !== 0 || (endMs - startMs) % stepMs !== 0) {
    throw new Refusal(422, "malformed_request", "the window is not on its grid");
  }
  const steps = (endMs - startMs) / stepMs + 1;
  const fits = series.every(({ values }) => values.length === steps) &&
    histograms.every(({ points }) => points.every(({ index }) => index < steps));
  if (!fits) throw new Refusal(422, "malformed_request", `series do not have ${steps} points`);
}

function entry<T>(all: Map<string, Map<string, T>>, query: string): Map<string, T> {
  const found = all.get(query) ?? new Map<string, T>();
  all.set(query, found);
  return found;
}

function labelKey(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
}

function pointKey(labels: Readonly<Record<string, string>>, timestampMs: number): string {
  return `${labelKey(labels)} ${String(timestampMs).padStart(15, "0")}`;
}

function sorted<T>(points: Map<string, T> | undefined): T[] {
  return [...points ?? []].sort(([a], [b]) => a < b ? -1 : 1).map(([, point]) => point);
}
