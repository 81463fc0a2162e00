/**
 * Where packages come in, by push or by channel. Whatever comes leaves a trace: a record, or an audit
 * entry with a receipt. A package is answered only after its record is durable.
 */
import { ConnectorError, describeError, RefusedError, TransientError } from "../errors.ts";
import type { LocalCluster } from "../core/admission.ts";
import type { AuditLog } from "../core/audit.ts";
import { encodeBase64 } from "../core/encoding.ts";
import {
  clip,
  type ExecutionRecord,
  type ExecutionSource,
  hasBegun,
  isOpen,
  type PackageMaterial,
  type SignatureBundle,
} from "../core/execution.ts";
import type { Policy } from "../core/policy.ts";
import type { PolicyVerdict } from "../core/policy/judge.ts";
import { sequenceToBeat } from "../core/stream_head.ts";
import { namesOf, type ThresholdVerifier } from "../core/verification/threshold.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";
import { admit, allow, bound, nameBytes, parse, type ParsedPackage, verify } from "./stages.ts";

const RETRY_WHEN_FULL_MS = 30_000;
/** Deliveries that wait for their turn, each with a package of up to a mebibyte. */
const MAX_WAITING = 32;

export interface Delivery {
  readonly payload: Uint8Array;
  readonly bundles: readonly SignatureBundle[];
  readonly source: ExecutionSource;
}

export interface IntakeParts {
  readonly book: ExecutionBook;
  readonly verifier: ThresholdVerifier;
  readonly policy: () => Policy;
  /** null until the cluster has been registered once. */
  readonly cluster: () => LocalCluster | null;
  readonly leadership: Leadership;
  readonly audit: AuditLog;
  readonly receipts: ReceiptIssuer;
  readonly maxOpen: number;
  /** Told of a package that needs no person, before it is on record: what only looks may begin then. */
  readonly onAllowed: (record: ExecutionRecord, pack: PackageMaterial) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** A package that has run already: refused, with what became of it. */
export class ReplayedError extends RefusedError {
  constructor(readonly record: ExecutionRecord) {
    super("replayed", `${record.id} has been received before and is ${record.state}`, {
      hint: "each package is carried out once; have a new one signed with the next sequence number",
    });
  }
}

export class Intake {
  /** Deliveries are taken one by one, so that two of one stream cannot both be the newest. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly parts: IntakeParts) {}

  /**
   * The record of the package: new, or as it stands when this one is open already.
   * Throws every refusal, after it was audited and receipted; NotLeaderError, without a trace, while
   * another process leads; TransientError `unavailable` before the first registration and while the
   * journal is closed, `rate_limited` when too much is open or waiting.
   */
  async receive(delivery: Delivery): Promise<ExecutionRecord> {
    if (this.#waiting >= MAX_WAITING) throw full(`${MAX_WAITING} packages are waiting`);
    this.#waiting += 1;
    const result = this.#turn.then(() => this.#receive(delivery));
    this.#turn = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #receive({ payload, bundles, source }: Delivery): Promise<ExecutionRecord> {
    const { book, verifier, maxOpen, leadership } = this.parts;
    // Nothing that the sender could take for an answer to the package itself: another one will give that.
    assertLeader(leadership);
    book.opening.present();
    const cluster = this.parts.cluster();
    if (!cluster) {
      throw new TransientError("unavailable", "This cluster has not been registered yet", {
        retryAfterMs: RETRY_WHEN_FULL_MS,
      });
    }
    let parsed: ParsedPackage;
    try {
      parsed = parse(await verify(bound(payload, bundles), verifier));
      const known = await book.find(parsed.id);
      if (known && isOpen(known.state)) return known;
      if (known && known.state !== "refused") throw new ReplayedError(known);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      await this.#refuseUnrecorded(error, payload, cluster);
      throw error;
    }
    if (book.openCount >= maxOpen) throw full(`${maxOpen} executions are open already`);
    return await this.#enter(parsed, cluster, source);
  }

  async #enter(
    parsed: ParsedPackage,
    cluster: LocalCluster,
    source: ExecutionSource,
  ): Promise<ExecutionRecord> {
    const { book } = this.parts;
    const record = newRecord(parsed, cluster, source, this.parts.clock.now());
    const pack = { payload: encodeBase64(parsed.payload), bundles: parsed.bundles };
    const verdict = this.#judge(parsed, cluster, record);
    if (verdict instanceof RefusedError) {
      const { code, message } = verdict;
      await book.enter({ ...record, state: "refused", code, reason: message }, pack);
      throw verdict;
    }
    const allowed = { ...record, risk: verdict.risk };
    if (verdict.approval === "not_required") this.parts.onAllowed(allowed, pack);
    const accepted = await book.enter(allowed, pack);
    await this.#supersede(accepted);
    return accepted;
  }

  #judge(
    parsed: ParsedPackage,
    cluster: LocalCluster,
    { id, stream, receivedAtMs }: ExecutionRecord,
  ): PolicyVerdict | RefusedError {
    try {
      const highest = sequenceToBeat(this.parts.book.head(stream), id);
      const admitted = admit(parsed, cluster, receivedAtMs, highest);
      return allow(admitted, this.parts.policy(), receivedAtMs).verdict;
    } catch (error) {
      if (error instanceof RefusedError) return error;
      throw error;
    }
  }

  /** A newer package of a stream takes the place of those that have not begun. */
  async #supersede(newer: ExecutionRecord): Promise<void> {
    const { book, log } = this.parts;
    for (const older of book.listOpen()) {
      if (older.stream !== newer.stream || older.id === newer.id || hasBegun(older.state)) continue;
      try {
        await book.move(older, "superseded", `${newer.id} of the stream is newer`);
      } catch (error) {
        // The newer one is accepted all the same; the engine looks after what is left of this.
        log.log("info", "supersede_delayed", {
          execution: older.id,
          reason: describeError(error),
        });
      }
    }
  }

  /** Not known to be a package at all, or not a new one: it gets no record, but leaves a trace. */
  async #refuseUnrecorded(
    { code, message }: ConnectorError,
    payload: Uint8Array,
    cluster: LocalCluster,
  ): Promise<void> {
    const { audit, clock, log, metrics, receipts } = this.parts;
    const { id, digest } = nameBytes(payload);
    const reason = clip(message);
    const { sequence } = await audit.record({
      type: "package.refused",
      actor: "unverified",
      subject: id,
      data: { digest, code, reason },
    });
    metrics.refusals.inc({ code });
    log.log("warn", "package_refused", { execution: id, code, reason });
    await receipts.issueRefusal({
      id,
      clusterId: cluster.clusterId,
      digest,
      code,
      reason,
      atMs: clock.now(),
      auditSequence: sequence,
    });
  }
}

function full(message: string): TransientError {
  return new TransientError("rate_limited", message, {
    retryAfterMs: RETRY_WHEN_FULL_MS,
    hint: "approve or reject what is pending, then send it again",
  });
}

function newRecord(
  { id, digest, verified, workPackage }: ParsedPackage,
  { clusterId }: LocalCluster,
  source: ExecutionSource,
  nowMs: number,
): ExecutionRecord {
  const { metadata, spec } = workPackage;
  return {
    id,
    digest,
    bundlesDigest: "",
    state: "accepted",
    code: null,
    reason: "signature, target, validity, sequence and policy hold",
    sinceMs: nowMs,
    receivedAtMs: nowMs,
    source,
    name: metadata.name,
    stream: metadata.stream,
    sequence: metadata.sequence,
    risk: spec.risk,
    expiresAtMs: spec.expiresAt,
    purpose: spec.reason,
    signers: namesOf(verified),
    clusterId,
    plan: null,
    approvals: [],
    preimagesDigest: null,
    applied: 0,
    auditSequence: null,
    auditLog: "",
    receipted: null,
    seal: "",
    version: "",
  };
}
