/** What runs in every process, and what only in the one that stands for the cluster. */
import type { AuditHeads } from "../adapters/audit_heads.ts";
import { CommandFile } from "../adapters/command_file.ts";
import { CommandStream } from "../adapters/command_stream.ts";
import type { HealthBoard } from "../core/health.ts";
import { runAnnotations } from "../loops/annotations.ts";
import { CommandLoop } from "../loops/commands.ts";
import { HeartbeatLoop } from "../loops/heartbeat.ts";
import type { LeaderElection } from "../loops/leadership.ts";
import { runPruning } from "../loops/pruning.ts";
import { ReceiptLoop } from "../loops/receipts.ts";
import { runVaultRenewal } from "../loops/vault_renewal.ts";
import type { AuditShipping } from "./audit_shipping.ts";
import { handleCommand } from "./commands.ts";
import type { Control } from "./control.ts";
import type { Execution } from "./execution.ts";
import type { Foundation } from "./foundation.ts";
import { takeNodeSnapshot, takeSnapshot } from "./heartbeat_snapshot.ts";
import type { NodeStreaming } from "./node_streaming.ts";
import { withOpenBook } from "./open_book.ts";
import { type Loop, runTogether } from "./run_together.ts";
import type { Streaming } from "./streaming.ts";

export interface Parts {
  readonly foundation: Foundation;
  readonly control: Control;
  readonly execution: Execution;
  readonly streaming: Streaming | null;
  readonly shipping: AuditShipping;
  readonly heads: AuditHeads;
  /** null where this process stands for the cluster alone. */
  readonly election: LeaderElection | null;
}

/** The parts whose health speaks of the leader's loops. */
const LED =
  /^(?:registration|heartbeat|commands|journal|receipts|approvals|executions|cursors|signals(?:\/.*)?)$/;

export function dutiesOf(parts: Parts): Loop[] {
  const { foundation, control, streaming, shipping, heads, election } = parts;
  const { health, log: logger, runtime: { clock, random } } = foundation;
  const always: Loop[] = [
    (signal) => runVaultRenewal({ clock, random, health, logger, vault: control.vault }, signal),
    shipping.run,
    (signal) => heads.run(clock, signal),
    ...streaming?.renewals ?? [],
    ...(streaming?.ofNode ? ofNode(parts, streaming.ofNode) : []),
  ];
  const led = ledBy(parts);
  if (!election) return [...always, ...led];
  const lead: Loop = async (signal) => {
    await runTogether(led, signal);
    control.session.end();
    restAll(health);
  };
  return [...always, (signal) => election.run(signal, lead)];
}

/** The node's own metrics, whoever leads: a standing of the node's own neither takes nor gives the cluster's. */
function ofNode(
  { foundation, heads, election }: Parts,
  streaming: NodeStreaming,
): Loop[] {
  const { health, log: logger, metrics, runtime: { clock, random } } = foundation;
  const { standing, streamer, isCollector } = streaming;
  const stream = onceKnown(standing, (signal) => streamer.run(signal));
  if (!isCollector) return [stream];
  const heartbeat = new HeartbeatLoop({
    clock,
    random,
    health,
    logger,
    metrics: { heartbeats: metrics.nodeHeartbeats },
    api: standing.controlPlane,
    session: standing.session,
    snapshot: () => {
      const carriesHeads = election !== null && !election.isLeader();
      return takeNodeSnapshot(foundation, streaming, carriesHeads ? heads : null);
    },
    heads,
    part: "node-heartbeat",
  });
  return [
    (signal) => standing.registration.run(signal),
    stream,
    (signal) => heartbeat.run(signal),
  ];
}

/** Each can be begun anew after it has ended: leadership comes and goes. */
function ledBy({ foundation, control, execution, streaming, heads }: Parts): Loop[] {
  const { config, runtime, health, log: logger, metrics, audit, log } = foundation;
  const { clock, random, files } = runtime;
  const common = { clock, random, health, logger, metrics };
  const api = control.controlPlane;
  const heartbeat = new HeartbeatLoop({
    ...common,
    api,
    session: control.session,
    snapshot: () => takeSnapshot(foundation, control, execution, streaming, heads),
    heads,
  });
  const receipts = new ReceiptLoop({
    ...common,
    outbox: execution.receipts,
    api,
    onDelivered: ({ executionId, key }) => execution.book.noteReceipt(executionId, key),
  });
  execution.receipts.onPut = () => receipts.wake();
  const pruning = {
    clock,
    health,
    logger,
    journal: execution.journal,
    receipts: execution.receipts,
    keepMs: config.execution.keep,
  };
  const loops: Loop[] = [
    (signal) => control.registration.run(signal),
    (signal) => heartbeat.run(signal),
  ];
  if (config.commands.enabled) {
    const commands = new CommandLoop({
      ...common,
      source: new CommandStream(clock, api),
      position: new CommandFile(files, config.stateDir),
      onCommand: (command) => handleCommand(command, { ...execution, audit, log }),
    });
    loops.push((signal) => commands.run(signal));
  }
  if (streaming) loops.push(onceKnown(control, (signal) => streaming.streamer.run(signal)));
  if (streaming?.share) loops.push(streaming.share);
  const { engine, book } = execution;
  const onBook: Loop[] = [
    (signal) => receipts.run(signal),
    (signal) => runPruning(pruning, signal),
  ];
  const { annotations, approvals, approvers } = execution;
  if (annotations) {
    const ports = { annotations, approvals, approvers, book, audit, clock, health, logger };
    onBook.push((signal) => runAnnotations(ports, signal));
  }
  if (engine) onBook.push(onceKnown(control, (signal) => engine.run(signal)));
  if (execution.isShared) {
    return [...loops, (signal) => withOpenBook(foundation, book, onBook, signal)];
  }
  return [...loops, ...onBook];
}

/** Work that names the cluster waits until the control plane has named it once. */
function onceKnown({ session }: Pick<Control, "session">, loop: Loop): Loop {
  return async (signal) => {
    if (!session.identity()) await session.ready(signal).catch(() => {});
    if (!signal.aborted) await loop(signal);
  };
}

/** The last word of a loop that no longer runs must not stand for the present. */
function restAll(health: HealthBoard): void {
  for (const { name } of health.parts()) {
    if (LED.test(name)) health.report(name, "off", "stands by");
  }
}
