/**
 * The audit checkpoints in heartbeats: one is held for each chain, and every further one must prove
 * that it grew out of it. What cannot be true is no reason to lose the heartbeat, but to raise an alarm.
 */
import { type Checkpoint, checkpointOrigin, readCheckpoint } from "../../core/audit/checkpoint.ts";
import { verifyCheckpoint } from "../../core/audit/checkpoint_proof.ts";
import { decodeHashes } from "../../core/audit/proof_hashes.ts";
import { type GrowthAlarm, judgeGrowth } from "../../core/audit/witness.ts";
import type { Heartbeat } from "../../core/protocol.ts";
import { ConnectorError } from "../../errors.ts";
import type { Clock } from "../../runtime.ts";
import { Refusal } from "./problem.ts";

export interface AuditAlarm {
  readonly kind: GrowthAlarm | "wrong_key";
  readonly clusterId: string;
  readonly chain: string;
  readonly problem: string;
  /** The two notes that contradict each other: evidence that needs no witness. */
  readonly held: string | null;
  readonly found: string;
  readonly firstMs: number;
  /** How often the same came. */
  count: number;
}

export interface HeldCheckpoint extends Checkpoint {
  readonly note: string;
}

const ORIGIN = /^neuralops\.io\/audit\/([0-9a-f]{64})$/;

export class AuditWatch {
  readonly alarms: AuditAlarm[] = [];
  readonly #held = new Map<string, HeldCheckpoint>();
  readonly #registers = new Map<string, readonly string[]>();

  constructor(
    private readonly clock: Pick<Clock, "now">,
    private readonly keyOf: (clusterId: string, chain: string) => Uint8Array | null,
  ) {}

  held(clusterId: string, chain: string): HeldCheckpoint | null {
    return this.#held.get(`${clusterId} ${chain}`) ?? null;
  }

  /** The chains that the cluster itself named last. */
  chains(clusterId: string): readonly string[] {
    return this.#registers.get(clusterId) ?? [];
  }

  /** Throws Refusal 422 for what is no checkpoint, and 409 with `auditSize` for a proof from elsewhere. */
  accept(clusterId: string, audit: NonNullable<Heartbeat["audit"]>): void {
    const { checkpoint: note, size, consistency } = audit;
    const { origin } = this.#read(note, size);
    const chain = ORIGIN.exec(origin)?.[1] ?? "";
    const held = this.held(clusterId, chain);
    const alarm = (kind: AuditAlarm["kind"], problem: string) =>
      this.#raise({ kind, clusterId, chain, problem, held: held?.note ?? null, found: note });
    const key = this.keyOf(clusterId, chain);
    if (key === null) {
      return alarm("wrong_key", `no connector of the cluster has the key of ${origin}`);
    }
    let next: Checkpoint;
    try {
      next = verifyCheckpoint(note, checkpointOrigin(key), key);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      return alarm("wrong_key", error.message);
    }
    const proof = consistency &&
      { from: consistency.from, hashes: decodeHashes(consistency.hashes) };
    const judged = judgeGrowth(held, next, proof);
    if (judged.verdict === "ask") {
      const { heldSize: auditSize } = judged;
      const problem = `the proof must begin at ${auditSize} records`;
      throw new Refusal(409, "malformed_request", problem, { auditSize });
    }
    if (judged.verdict === "alarm") return alarm(judged.alarm, judged.problem);
    this.#held.set(`${clusterId} ${chain}`, { ...next, note });
    this.#registers.set(clusterId, audit.chains);
  }

  #read(note: string, size: number): Checkpoint {
    try {
      const checkpoint = readCheckpoint(note);
      if (checkpoint.size === size) return checkpoint;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
    }
    throw new Refusal(422, "malformed_request", "audit.checkpoint is no signed checkpoint");
  }

  #raise(alarm: Omit<AuditAlarm, "firstMs" | "count">): void {
    const same = this.alarms.find(({ kind, clusterId, chain, held, found }) =>
      kind === alarm.kind && clusterId === alarm.clusterId && chain === alarm.chain &&
      held === alarm.held && found === alarm.found
    );
    if (same) same.count += 1;
    else this.alarms.push({ ...alarm, firstMs: this.clock.now(), count: 1 });
  }
}
