/** PUT /healthz: every heartbeat with its arrival. Numbers only ever rise within one registration. */
import { Heartbeat } from "../../core/protocol.ts";
import type { Clock } from "../../runtime.ts";
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

  constructor(private readonly clock: Pick<Clock, "now" | "monotonic">) {}

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
    if (heartbeat.audit) checkCheckpoint(heartbeat.audit);
    this.#sequences.set(registrationId, heartbeat.sequence);
    (node === null ? this.heartbeats : this.ofNodes).push({
      heartbeat,
      receivedMs: this.clock.now(),
      receivedMonotonicMs: this.clock.monotonic(),
    });
  }
}

/** The form of a C2SP tlog-checkpoint; what it says is checked by who audits. */
function checkCheckpoint({ checkpoint, size }: NonNullable<Heartbeat["audit"]>): void {
  const [origin, count, root, blank, ...signatures] = checkpoint.split("\n");
  const isSigned = signatures.some((line) => /^— \S+ [A-Za-z0-9+/]+=*$/.test(line));
  const isRoot = /^[A-Za-z0-9+/]{43}=$/.test(root ?? "");
  if (!origin || count !== String(size) || !isRoot || blank !== "" || !isSigned) {
    throw new Refusal(422, "malformed_request", "audit.checkpoint is no signed checkpoint");
  }
}
