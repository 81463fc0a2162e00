/**
 * Ships sealed segments to the archive, oldest first, and removes them here only when the archive
 * was seen to hold them and they are old enough. Without an archive it still lets the days turn.
 */
import { backoffMs } from "../core/backoff.ts";
import { encodeUtf8, sha256Hex } from "../core/encoding.ts";
import type { HealthBoard } from "../core/health.ts";
import { endOfDay, shippedKey } from "../core/audit/segment.ts";
import type { SealedSegment, SegmentedLog, WormStore } from "../core/audit/shipping.ts";
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
    if (segment.shipment === null) await ship(options, store, segment);
  }
  await removeOld(options);
  const sealed = audit.segments.list().length;
  health.report(PART, "ok", `${sealed} sealed segments here, all shipped`);
}

async function ship(
  options: AuditUploadOptions,
  store: WormStore,
  segment: SealedSegment,
): Promise<void> {
  const { audit, clock, log, metrics, prefix, retentionMs } = options;
  const { segments } = audit;
  const { fileName } = segment;
  const name = shippedKey(prefix, segments.chainId, segment);
  const body = await segments.read(fileName);
  const checkpoint = encodeUtf8(await segments.checkpoint(fileName));
  const retainUntilMs = clock.now() + retentionMs;
  let result = "";
  // The segment goes last: where it lies, its checkpoint lies too.
  for (
    const object of [
      { key: `${name}.checkpoint`, body: checkpoint },
      { key: `${name}.jsonl`, body },
    ]
  ) {
    result = await store.putCreateOnly({ ...object, retainUntilMs });
    await store.requireStored(object);
  }
  const key = `${name}.jsonl`;
  const shipment = {
    key,
    bytes: body.length,
    sha256: sha256Hex(body),
    shippedAtMs: clock.now(),
  };
  await segments.markShipped(fileName, shipment);
  metrics.auditUploads.inc({ result });
  log.log("info", "audit_segment_shipped", { ...shipment, result });
  const { bytes, sha256 } = shipment;
  const retained = await store.hasObjectLock();
  await audit.record({
    type: "audit.segment_shipped",
    actor: "connector",
    subject: key,
    data: { bytes, sha256, retained },
  });
}

/** From the old end, and never past a segment that must stay. */
async function removeOld(options: AuditUploadOptions): Promise<void> {
  const { audit, clock, keepLocalMs } = options;
  for (const { fileName, day, shipment } of audit.segments.list()) {
    if (shipment === null || endOfDay(day) + keepLocalMs > clock.now()) return;
    await audit.record({
      type: "audit.segment_removed",
      actor: "connector",
      subject: fileName,
      data: { key: shipment.key, sha256: shipment.sha256 },
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
