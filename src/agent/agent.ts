/**
 * The composition root: the only place that knows every part. Starts them in the order of their needs
 * and stops them in the reverse. A loop that throws is a bug: the agent ends, and says so.
 */
import type { Config } from "../config/schema.ts";
import type { AuditLog } from "../core/audit.ts";
import type { HealthBoard } from "../core/health.ts";
import type { Liveness } from "../core/liveness.ts";
import { alwaysLeader } from "../execution/leadership.ts";
import type { Logger } from "../log.ts";
import { prepareAuditHeads } from "./audit_heads.ts";
import { prepareAuditShipping } from "./audit_shipping.ts";
import { connectControl } from "./control.ts";
import { dutiesOf } from "./duties.ts";
import { standForElection } from "./election.ts";
import { prepareExecution } from "./execution.ts";
import { type Foundation, layFoundation, type Surroundings } from "./foundation.ts";
import { connectKubernetes } from "./kubernetes.ts";
import { watchLiveness } from "./liveness.ts";
import { authorityRenewal } from "./renewals.ts";
import { type Loop, runTogether } from "./run_together.ts";
import { type Handler, openDoors } from "./serving.ts";
import { chooseCursors } from "./shared_cursors.ts";
import { prepareStreaming } from "./streaming.ts";
import { VERSION } from "./version.ts";

export interface Agent {
  /** The CLI's side, as it is served on the Unix socket. */
  readonly admin: Handler;
  /** The listener's port; 0 without one. */
  readonly port: number;
  readonly health: HealthBoard;
  readonly liveness: Liveness;
  readonly audit: AuditLog;
  readonly log: Logger;
  /** Resolves when an authority was renewed on the disk; a change since the last call counts. */
  nextRenewal(): Promise<void>;
  /** Rejects when a part failed in a way that nobody foresaw. */
  readonly finished: Promise<void>;
  /**
   * Finishes requests, leaves executions as the journal has them, and closes everything. With `isLast`, the
   * audit log goes to the archive first: its disk may go with the process.
   */
  stop(options?: { readonly isLast: boolean }): Promise<void>;
}

/** Throws ConnectorErrors that say what in the configuration or on the disk stands in the way. */
export async function startAgent(config: Config, surroundings: Surroundings): Promise<Agent> {
  const cleanups: (() => void | Promise<void>)[] = [];
  const cleanUp = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const foundation = await layFoundation(config, surroundings);
    cleanups.push(() => foundation.lock.release(), () => foundation.audit.close());
    const authorities = await authorityRenewal(foundation);
    const kubernetes = await connectKubernetes(foundation);
    cleanups.push(() => kubernetes?.close());
    const control = await connectControl(foundation, kubernetes);
    cleanups.push(() => control.close());
    const election = standForElection(foundation, kubernetes);
    const leadership = election ?? alwaysLeader;
    const execution = await prepareExecution(foundation, control, kubernetes, leadership);
    const cursors = chooseCursors(foundation, kubernetes, leadership);
    const streaming = await prepareStreaming(foundation, control, cursors, election !== null);
    cleanups.push(() => streaming?.close());
    const shipping = await prepareAuditShipping(foundation, control);
    cleanups.push(() => shipping.close());
    // A journal of its own that is damaged is told at once; a shared one is not there to be read yet.
    if (!execution.isShared) await execution.book.open();
    const { audit, log, metrics } = foundation;
    await audit.record({
      type: "agent.started",
      actor: "connector",
      subject: config.clusterName,
      data: { version: VERSION, policyMode: execution.policy.mode },
    });
    const liveness = watchLiveness(foundation);
    const heads = prepareAuditHeads(foundation, () => election?.chains() ?? []);
    const parts = { foundation, control, execution, streaming, shipping, heads, election };
    const status = async () => (await import("./status.ts")).takeStatus(parts);
    const doors = await openDoors(
      foundation,
      control,
      execution,
      leadership,
      liveness.check,
      status,
    );
    cleanups.push(() => doors.close());
    metrics.buildInfo.set({ version: VERSION }, 1);
    log.log("info", "agent_started", { version: VERSION, listener: doors.port });

    const running = run([...dutiesOf(parts), ...doors.duties, authorities.run], foundation);
    running.finished.then(liveness.end, liveness.end);
    const stop = async (isLast: boolean) => {
      running.stop();
      await running.finished.catch(() => {});
      await audit.record({
        type: "agent.stopped",
        actor: "connector",
        subject: config.clusterName,
        data: {},
      }).catch(() => {});
      if (isLast) await shipping.finish();
      await cleanUp();
      log.log("info", "agent_stopped");
    };
    let stopping: Promise<void> | undefined;
    return {
      admin: doors.admin,
      port: doors.port,
      health: foundation.health,
      liveness: liveness.check,
      audit,
      log,
      nextRenewal: authorities.next,
      finished: running.finished,
      stop: ({ isLast } = { isLast: false }) => stopping ??= stop(isLast),
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

function run(duties: readonly Loop[], { log }: Foundation) {
  const abort = new AbortController();
  const finished = runTogether(duties, abort.signal).catch((error) => {
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    log.log("error", "part_failed", { reason });
    throw error;
  });
  finished.catch(() => {});
  return { finished, stop: () => abort.abort(new DOMException("stopping", "AbortError")) };
}
