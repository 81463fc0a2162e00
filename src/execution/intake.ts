/**
 * Where packages come in, by push or by channel. Whatever comes leaves a trace: a record, or an audit
 * entry with a receipt. A package is answered only after its record is durable.
 */
import { ConnectorError, RefusedError, TransientError } from "../errors.ts";
import type { LocalCluster } from "../core/admission.ts";
import type { AuditLog } from "../core/audit.ts";
import { encodeBase64 } from "../core/encoding.ts";
import { type ExecutionRecord, type ExecutionSource, isOpen } from "../core/execution.ts";
import type { Policy } from "../core/policy.ts";
import type { BundleVerifier } from "../core/verification/verify.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";
import { admit, allow, bound, nameBytes, parse, type ParsedPackage, verify } from "./stages.ts";

const RETRY_WHEN_FULL_MS = 30_000;

export interface Delivery {
  readonly payload: Uint8Array;
  readonly bundle: Readonly<Record<string, unknown>>;
  readonly source: ExecutionSource;
}

export interface IntakeParts {
  readonly book: ExecutionBook;
  readonly verifier: BundleVerifier;
  readonly policy: () => Policy;
  /** null until the cluster has been registered once. */
  readonly cluster: () => LocalCluster | null;
  readonly audit: AuditLog;
  readonly receipts: ReceiptIssuer;
  readonly maxOpen: number;
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

  constructor(private readonly parts: IntakeParts) {}

  /**
   * The record of the package: new, or as it stands when this one is open already.
   * Throws every refusal, after it was audited and receipted.
   */
  receive(delivery: Delivery): Promise<ExecutionRecord> {
    const result = this.#turn.then(() => this.#receive(delivery));
    this.#turn = result.catch(() => {});
    return result;
  }

  async #receive({ payload, bundle, source }: Delivery): Promise<ExecutionRecord> {
    const cluster = this.parts.cluster();
    if (!cluster) {
      throw new TransientError("unavailable", "This cluster has not been registered yet", {
        retryAfterMs: RETRY_WHEN_FULL_MS,
      });
    }
    let parsed: ParsedPackage;
    try {
      parsed = parse(verify(bound(payload, bundle), this.parts.verifier));
      this.#refuseReplay(parsed.id);
    } catch (error) {
      throw await this.#refuse(error, nameBytes(payload));
    }
    const known = this.parts.book.find(parsed.id);
    if (known && isOpen(known.state)) return known;
    if (this.parts.book.openCount() >= this.parts.maxOpen) {
      throw new TransientError(
        "rate_limited",
        `${this.parts.maxOpen} executions are open already`,
        {
          retryAfterMs: RETRY_WHEN_FULL_MS,
          hint: "approve or reject what is pending",
        },
      );
    }
    return await this.#enter(parsed, cluster, source);
  }

  async #enter(
    parsed: ParsedPackage,
    cluster: LocalCluster,
    source: ExecutionSource,
  ): Promise<ExecutionRecord> {
    const { book, clock } = this.parts;
    const record = newRecord(parsed, source, clock.now());
    const { stream } = record;
    try {
      const admitted = admit(parsed, cluster, clock.now(), book.highestSequence(stream));
      const { verdict } = allow(admitted, this.parts.policy());
      const accepted = await book.enter({
        ...record,
        state: "accepted",
        reason: "signature, target, validity, sequence and policy hold",
        risk: verdict.risk,
        approvalRequired: verdict.approval === "required",
      });
      await this.#supersede(accepted);
      return accepted;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.parts.metrics.refusals.inc({ code: error.code });
      await book.enter({ ...record, state: "refused", code: error.code, reason: error.message });
      throw error;
    }
  }

  /** A newer package of a stream takes the place of those that have not begun. */
  async #supersede(newer: ExecutionRecord): Promise<void> {
    for (const older of this.parts.book.list()) {
      if (older.stream !== newer.stream || older.id === newer.id) continue;
      if (!["accepted", "pending_approval", "approved"].includes(older.state)) continue;
      await this.parts.book.move(older.id, "superseded", `${newer.id} of the stream is newer`);
    }
  }

  #refuseReplay(id: string): void {
    const known = this.parts.book.find(id);
    if (known && known.state !== "refused" && !isOpen(known.state)) throw new ReplayedError(known);
  }

  async #refuse(error: unknown, { id, digest }: { id: string; digest: string }): Promise<unknown> {
    if (!(error instanceof ConnectorError)) return error;
    const { sequence } = await this.parts.audit.record({
      type: "package.refused",
      actor: "unverified",
      subject: id,
      data: { digest, code: error.code, reason: error.message },
    });
    this.parts.metrics.refusals.inc({ code: error.code });
    this.parts.log.log("warn", "package_refused", {
      execution: id,
      code: error.code,
      reason: error.message,
    });
    await this.parts.receipts.issueRefusal({
      id,
      digest,
      code: error.code,
      reason: error.message,
      atMs: this.parts.clock.now(),
      auditSequence: sequence,
    });
    return error;
  }
}

function newRecord(
  { id, digest, payload, bundle, verified, workPackage }: ParsedPackage,
  source: ExecutionSource,
  nowMs: number,
): ExecutionRecord {
  const { metadata, spec } = workPackage;
  return {
    id,
    digest,
    state: "accepted",
    code: null,
    reason: "",
    sinceMs: nowMs,
    receivedAtMs: nowMs,
    source,
    name: metadata.name,
    stream: metadata.stream,
    sequence: metadata.sequence,
    risk: spec.risk,
    expiresAtMs: spec.expiresAt,
    purpose: spec.reason,
    signer: verified.signer,
    approvalRequired: true,
    payload: encodeBase64(payload),
    bundle,
    plan: null,
    approvals: [],
    preimages: [],
    applied: 0,
    auditSequence: null,
    version: "",
  };
}
