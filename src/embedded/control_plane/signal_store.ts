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
import type { Access } from "./tokens.ts";

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
  readonly node: string | null;
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

  accept({ clusterId, node }: Access, headers: Headers, body: Uint8Array): void {
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
    if (node !== null && batch.node !== node) {
      throw new Refusal(403, "access_denied", "the batch is not this collector's node's");
    }
    checkShape(batch);
    if (!this.#isNew(batch.batchId, sha256Hex(bytes))) return;
    this.batches.push(batch);
    this.#store(batch);
  }

  /**
   * By series, then by time.
   * @param node of a query that each node asks for itself
   */
  points(query: string, node?: string): StoredPoint[] {
    return sorted(this.#points.get(placeOf(query, node)));
  }

  histograms(query: string, node?: string): StoredHistogram[] {
    return sorted(this.#histograms.get(placeOf(query, node)));
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

  #store({ query, node, window, series, histograms, gaps }: SignalsBatch): void {
    const place = placeOf(query.name, node);
    const points = entry(this.#points, place);
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
    const stored = entry(this.#histograms, place);
    for (const { labels, points: histogramPoints } of histograms) {
      for (const { index, ...histogram } of histogramPoints) {
        const timestampMs = window.startMs + index * window.stepMs;
        stored.set(pointKey(labels, timestampMs), { labels, timestampMs, histogram });
      }
    }
    for (const gap of gaps) this.gaps.push({ query: query.name, node: node ?? null, gap });
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

/** Names of queries and nodes hold no blank. */
function placeOf(query: string, node: string | undefined): string {
  return node === undefined ? query : `${query} ${node}`;
}

function entry<T>(all: Map<string, Map<string, T>>, place: string): Map<string, T> {
  const found = all.get(place) ?? new Map<string, T>();
  all.set(place, found);
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
