/**
 * Ships sealed segments to the archive, oldest first, and removes them here only when the archive
 * was seen to hold them and they are old enough. Without an archive it still lets the days turn.
 */
import { backoffMs } from "../core/backoff.ts";
import { encodeUtf8, sha256Hex } from "../core/encoding.ts";
import type { HealthBoard } from "../core/health.ts";
import { endOfDay, shippedKey, startOfDay } from "../core/audit/segment.ts";
import type {
  SealedSegment,
  SegmentedLog,
  Shipment,
  StoredClaim,
  WormStore,
} from "../core/audit/shipping.ts";
import { ConnectorError, describeError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export interface AuditUploadOptions {
  readonly audit: SegmentedLog;
  /** null when no archive is configured. */
  readonly store: WormStore | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: HealthBoard;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "auditUploads">;
  /** First part of every key; may be empty. */
  readonly prefix: string;
  /** How long the archive must retain an object, from its upload. */
  readonly retentionMs: number;
  /** How long a shipped day stays on the disk, from its end. */
  readonly keepLocalMs: number;
  /** Average time between two looks; default one minute. */
  readonly pollMs?: number;
}

const PART = "audit_upload";
const DEFAULT_POLL_MS = 60_000;
/** What only a person can mend is tried again this seldom. */
const STALLED_RETRY_MS = 300_000;

/** Runs until the signal aborts; resolves then. */
export async function runAuditUpload(
  options: AuditUploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, pollMs = DEFAULT_POLL_MS } = options;
  for (let failures = 0; !signal.aborted;) {
    let waitMs: number;
    try {
      await shipSealed(options, signal);
      failures = 0;
      // Spread out: at midnight every connector there is has a day to ship.
      waitMs = pollMs * (0.5 + random.fraction());
    } catch (error) {
      if (signal.aborted) return;
      waitMs = reportFailure(options, error, failures);
      failures += 1;
    }
    await clock.sleep(waitMs, signal).catch(() => {});
  }
}

/** One look: everything that is sealed goes out, everything that may go goes. */
export async function shipSealed(
  options: AuditUploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const { audit, store, health } = options;
  await audit.rotate();
  if (store === null) {
    health.report(PART, "off", "no archive is configured: sealed days stay on this disk");
    return;
  }
  for (const segment of audit.segments.list()) {
    signal.throwIfAborted();
    if (segment.shipment === null) await ship(options, store, segment, signal);
  }
  await removeOld(options, store);
  const sealed = audit.segments.list().length;
  health.report(PART, "ok", `${sealed} sealed segments here, all shipped`);
}

/**
 * At the last stop of a process: ends the open segment and ships what is left. Nothing is recorded of it,
 * or there would be something left again.
 */
export async function shipLast(options: AuditUploadOptions, signal: AbortSignal): Promise<void> {
  const { audit, store } = options;
  if (store === null) return;
  await audit.seal();
  for (const segment of audit.segments.list()) {
    signal.throwIfAborted();
    if (segment.shipment === null) await send(options, store, segment, signal);
  }
}

async function ship(
  options: AuditUploadOptions,
  store: WormStore,
  segment: SealedSegment,
  signal: AbortSignal,
): Promise<void> {
  const { key, bytes, sha256, retainedUntilMs } = await send(options, store, segment, signal);
  await options.audit.record({
    type: "audit.segment_shipped",
    actor: "connector",
    subject: key,
    data: { bytes, sha256, retained: retainedUntilMs !== undefined },
  });
}

/** Puts a segment and its checkpoint into the archive, and looks whether they are there. */
async function send(
  options: AuditUploadOptions,
  store: WormStore,
  segment: SealedSegment,
  signal: AbortSignal,
): Promise<Shipment> {
  const { audit, clock, log, metrics, prefix, retentionMs } = options;
  const { segments } = audit;
  const { fileName, day } = segment;
  const name = shippedKey(prefix, segments.chainId, segment);
  const body = await segments.read(fileName);
  const checkpoint = encodeUtf8(await segments.checkpoint(fileName));
  const retainUntilMs = clock.now() + retentionMs;
  // An earlier attempt whose answer was lost asked for less, but never for less than from the day on.
  const retainedUntilMs = Math.min(retainUntilMs, startOfDay(day) + retentionMs);
  let result = "";
  // The segment goes last: where it lies, its checkpoint lies too.
  const objects = [
    { key: `${name}.checkpoint`, body: checkpoint },
    { key: `${name}.jsonl`, body },
  ];
  for (const { key, body } of objects) {
    result = await store.putCreateOnly({ key, body, retainUntilMs });
    await store.requireStored({ ...claim(key, body), retainedUntilMs, wasSeen: false });
  }
  const isRetained = await store.hasObjectLock();
  signal.throwIfAborted();
  const shipment: Shipment = {
    key: `${name}.jsonl`,
    bytes: body.length,
    sha256: sha256Hex(body),
    shippedAtMs: clock.now(),
    ...(isRetained ? { retainedUntilMs } : {}),
  };
  await segments.markShipped(fileName, shipment);
  metrics.auditUploads.inc({ result });
  log.log("info", "audit_segment_shipped", { ...shipment, result });
  return shipment;
}

function claim(key: string, body: Uint8Array): Pick<StoredClaim, "key" | "bytes" | "sha256"> {
  return { key, bytes: body.length, sha256: sha256Hex(body) };
}

/** From the old end, never past a segment that must stay, and only what the archive still has. */
async function removeOld(options: AuditUploadOptions, store: WormStore): Promise<void> {
  const { audit, clock, keepLocalMs } = options;
  for (const { fileName, day, shipment } of audit.segments.list()) {
    if (shipment === null || endOfDay(day) + keepLocalMs > clock.now()) return;
    const { key, sha256, retainedUntilMs = 0 } = shipment;
    const isOver = retainedUntilMs <= clock.now();
    const asBefore = { retainedUntilMs: isOver ? null : retainedUntilMs, wasSeen: true };
    const checkpoint = encodeUtf8(await audit.segments.checkpoint(fileName));
    await store.requireStored({ ...shipment, ...asBefore });
    await store.requireStored({
      ...claim(key.replace(/jsonl$/, "checkpoint"), checkpoint),
      ...asBefore,
    });
    await audit.record({
      type: "audit.segment_removed",
      actor: "connector",
      subject: fileName,
      data: { key, sha256 },
    });
    await audit.segments.removeOldest(fileName);
  }
}

/** Returns how long to wait. What is no expected failure goes on up. */
function reportFailure(
  { health, log, metrics, random }: AuditUploadOptions,
  error: unknown,
  failures: number,
): number {
  if (!(error instanceof ConnectorError)) throw error;
  const reason = describeError(error);
  const isTransient = error instanceof TransientError || error.code === "audit_unavailable";
  metrics.auditUploads.inc({ result: "failed" });
  health.report(PART, isTransient ? "degraded" : "stalled", reason);
  log.log("warn", "audit_upload_failed", { reason });
  if (!isTransient) return STALLED_RETRY_MS;
  const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
  return backoffMs(failures, random.fraction(), retryAfterMs);
}
