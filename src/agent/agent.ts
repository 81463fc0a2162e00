/**
 * The composition root: the only place that knows every part. Starts them in the order of their needs
 * and stops them in the reverse. A loop that throws is a bug: the agent ends, and says so.
 */
import { CommandFile } from "../adapters/command_file.ts";
import { CommandStream } from "../adapters/command_stream.ts";
import type { Config } from "../config/schema.ts";
import type { HealthBoard } from "../core/health.ts";
import { CommandLoop } from "../loops/commands.ts";
import { HeartbeatLoop } from "../loops/heartbeat.ts";
import { ReceiptLoop } from "../loops/receipts.ts";
import { runVaultRenewal } from "../loops/vault_renewal.ts";
import { prepareAuditShipping } from "./audit_shipping.ts";
import { handleCommand } from "./commands.ts";
import { connectControl, type Control } from "./control.ts";
import { type Execution, prepareExecution } from "./execution.ts";
import { type Foundation, layFoundation, type Surroundings } from "./foundation.ts";
import { takeSnapshot } from "./heartbeat_snapshot.ts";
import { connectKubernetes } from "./kubernetes.ts";
import { type Handler, openDoors } from "./serving.ts";
import { prepareStreaming, type Streaming } from "./streaming.ts";
import { VERSION } from "./version.ts";

export interface Agent {
  /** The CLI's side, as it is served on the Unix socket. */
  readonly admin: Handler;
  /** The listener's port; 0 without one. */
  readonly port: number;
  readonly health: HealthBoard;
  /** Rejects when a part failed in a way that nobody foresaw. */
  readonly finished: Promise<void>;
  /** Finishes requests, leaves executions as the journal has them, and closes everything. */
  stop(): Promise<void>;
}

type Loop = (signal: AbortSignal) => Promise<void>;

/** Throws ConnectorErrors that say what in the configuration or on the disk stands in the way. */
export async function startAgent(config: Config, surroundings: Surroundings): Promise<Agent> {
  const cleanups: (() => void | Promise<void>)[] = [];
  const cleanUp = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const foundation = await layFoundation(config, surroundings);
    cleanups.push(() => foundation.lock.release(), () => foundation.audit.close());
    const kubernetes = await connectKubernetes(foundation);
    cleanups.push(() => kubernetes?.close());
    const control = await connectControl(foundation, kubernetes);
    cleanups.push(() => control.close());
    const execution = await prepareExecution(foundation, control, kubernetes);
    const streaming = await prepareStreaming(foundation, control);
    cleanups.push(() => streaming?.close());
    const shipping = await prepareAuditShipping(foundation, control);
    cleanups.push(() => shipping.close());
    await execution.book.open();
    const { audit, log, metrics } = foundation;
    await audit.record({
      type: "agent.started",
      actor: "connector",
      subject: config.clusterName,
      data: { version: VERSION, policyMode: execution.policy.mode },
    });
    const doors = await openDoors(foundation, control, execution);
    cleanups.push(() => doors.close());
    metrics.buildInfo.set({ version: VERSION }, 1);
    log.log("info", "agent_started", { version: VERSION, listener: doors.port });

    const loops = [...loopsOf(foundation, control, execution, streaming), shipping.run];
    const running = runTogether(loops, foundation);
    return {
      admin: doors.admin,
      port: doors.port,
      health: foundation.health,
      finished: running.finished,
      async stop() {
        running.stop();
        await running.finished.catch(() => {});
        await audit.record({
          type: "agent.stopped",
          actor: "connector",
          subject: config.clusterName,
          data: {},
        }).catch(() => {});
        await cleanUp();
        log.log("info", "agent_stopped");
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

function loopsOf(
  foundation: Foundation,
  control: Control,
  execution: Execution,
  streaming: Streaming | null,
): Loop[] {
  const { config, runtime, health, log: logger, metrics, audit, log } = foundation;
  const { clock, random, files } = runtime;
  const common = { clock, random, health, logger, metrics };
  const api = control.controlPlane;
  const heartbeat = new HeartbeatLoop({
    ...common,
    api,
    session: control.session,
    snapshot: () => takeSnapshot(foundation, control, execution, streaming),
  });
  const receipts = new ReceiptLoop({ ...common, outbox: execution.receipts, api });
  execution.receipts.onPut = () => receipts.wake();
  const loops: Loop[] = [
    (signal) => runVaultRenewal({ ...common, vault: control.vault }, signal),
    (signal) => control.registration.run(signal),
    (signal) => heartbeat.run(signal),
    (signal) => receipts.run(signal),
  ];
  if (config.commands.enabled) {
    const commands = new CommandLoop({
      ...common,
      source: new CommandStream(clock, api),
      position: new CommandFile(files, config.stateDir),
      onCommand: (command) => handleCommand(command, { intake: execution.intake, audit, log }),
    });
    loops.push((signal) => commands.run(signal));
  }
  if (streaming) loops.push(onceKnown(control, (signal) => streaming.streamer.run(signal)));
  const { engine } = execution;
  if (engine) loops.push(onceKnown(control, (signal) => engine.run(signal)));
  return loops;
}

/** Work that names the cluster waits until the control plane has named it once. */
function onceKnown({ session }: Control, loop: Loop): Loop {
  return async (signal) => {
    if (!session.identity()) await session.ready(signal).catch(() => {});
    if (!signal.aborted) await loop(signal);
  };
}

function runTogether(loops: readonly Loop[], { log }: Foundation) {
  const abort = new AbortController();
  const finished = Promise.all(loops.map(async (loop) => {
    try {
      await loop(abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      const reason = error instanceof Error ? error.stack ?? error.message : String(error);
      log.log("error", "part_failed", { reason });
      abort.abort(error);
      throw error;
    }
  })).then(() => {});
  finished.catch(() => {});
  return { finished, stop: () => abort.abort(new DOMException("stopping", "AbortError")) };
}
