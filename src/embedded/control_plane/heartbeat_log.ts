/** PUT /healthz: every heartbeat with its arrival. Numbers only ever rise within one registration. */
import { Heartbeat } from "../../core/protocol.ts";
import type { Clock } from "../../runtime.ts";
import type { AuditWatch } from "./audit_watch.ts";
import { parseOrRefuse, Refusal } from "./problem.ts";
import type { Access } from "./tokens.ts";

export interface StoredHeartbeat {
  readonly heartbeat: Heartbeat;
  readonly receivedMs: number;
  /** On the monotonic clock: differences are true intervals. */
  readonly receivedMonotonicMs: number;
}

export class HeartbeatLog {
  /** Of the cluster. */
  readonly heartbeats: StoredHeartbeat[] = [];
  /** Of single nodes. */
  readonly ofNodes: StoredHeartbeat[] = [];
  readonly #sequences = new Map<string, number>();

  constructor(
    private readonly clock: Pick<Clock, "now" | "monotonic">,
    private readonly audit: AuditWatch,
  ) {}

  accept({ clusterId, registrationId, node }: Access, body: unknown): void {
    const heartbeat = parseOrRefuse(Heartbeat, body);
    if (heartbeat.clusterId !== clusterId) {
      throw new Refusal(403, "access_denied", "the heartbeat is another cluster's");
    }
    if ((heartbeat.node ?? null) !== node) {
      throw new Refusal(403, "access_denied", "this token does not speak for that node or cluster");
    }
    const before = this.#sequences.get(registrationId) ?? 0;
    if (heartbeat.sequence <= before) {
      throw new Refusal(409, "malformed_request", `sequence is not above ${before}`);
    }
    if (heartbeat.audit) this.audit.accept(clusterId, heartbeat.audit);
    this.#sequences.set(registrationId, heartbeat.sequence);
    (node === null ? this.heartbeats : this.ofNodes).push({
      heartbeat,
      receivedMs: this.clock.now(),
      receivedMonotonicMs: this.clock.monotonic(),
    });
  }
}
