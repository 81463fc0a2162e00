/**
 * The agent from the first start to the last stop. Asked to read its configuration again, or once an
 * authority was renewed on the disk, it ends in good order and begins anew in the same process: the
 * journal carries what was under way.
 */
import type { Config } from "../config/schema.ts";
import { NOTICE } from "../core/service_notice.ts";
import { ConnectorError, describeError, StalledError } from "../errors.ts";
import { type Agent, startAgent } from "./agent.ts";
import { checkConfig } from "./check_config.ts";
import type { Surroundings } from "./foundation.ts";
import { reportToManager } from "./service_manager.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** SHA-256 of the file, hex. */
  readonly digest: string;
}

export interface Requests {
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
  /** Resolves when the configuration is to be read again; a request since the last call counts. */
  readonly nextReload: () => Promise<void>;
}

type Load = () => Promise<LoadedConfig>;

interface Running {
  readonly agent: Agent;
  readonly loaded: LoadedConfig;
}

/**
 * Resolves with false when a part failed in a way that nobody foresaw; the log says how.
 * Throws ConnectorErrors of a first start, or of the old configuration when even that starts no more.
 */
export async function live(
  load: Load,
  surroundings: Surroundings,
  { stopped, nextReload }: Requests,
): Promise<boolean> {
  let reload = nextReload();
  const loaded = await load();
  let running: Running = { agent: await startAgent(loaded.config, surroundings), loaded };
  let renewal = running.agent.nextRenewal();
  const manager = await reportToManager(() => running.agent, loaded.config.stateDir, surroundings);
  try {
    await manager.tell(NOTICE.ready);
    for (;;) {
      const next = await Promise.race([
        stopped.then(() => "stop"),
        running.agent.finished.then(() => "stop", () => "failed"),
        reload.then(() => "reload"),
        renewal.then(() => "renewal"),
      ]);
      if (next === "stop" || next === "failed") return next === "stop";
      if (next === "reload") reload = nextReload();
      else renewal = running.agent.nextRenewal();
      const { agent } = running;
      await manager.tell(NOTICE.reloading);
      running = await beginAnew(running, load, surroundings);
      if (running.agent !== agent) renewal = running.agent.nextRenewal();
      await manager.tell(NOTICE.ready);
    }
  } finally {
    await manager.tell(NOTICE.stopping);
    await running.agent.stop({ isLast: true });
    await manager.close();
  }
}

/** What runs afterwards: with the new configuration, or with the old one where that is refused. */
async function beginAnew(
  before: Running,
  load: Load,
  surroundings: Surroundings,
): Promise<Running> {
  const { agent, loaded: old } = before;
  let next: LoadedConfig;
  try {
    next = await load();
    assertSameState(old.config, next.config);
    await checkConfig(next.config, surroundings.runtime);
    await agent.audit.record({
      type: "agent.reloading",
      actor: "connector",
      subject: old.config.clusterName,
      data: { from: old.digest, to: next.digest },
    });
  } catch (error) {
    await refuse(before, error);
    return before;
  }
  await agent.stop();
  try {
    return { agent: await startAgent(next.config, surroundings), loaded: next };
  } catch (error) {
    const again = { agent: await startAgent(old.config, surroundings), loaded: old };
    await refuse(again, error);
    return again;
  }
}

/** The directory holds the key and the journal: another one would be another connector. */
function assertSameState(before: Config, after: Config): void {
  if (before.stateDir === after.stateDir) return;
  throw new StalledError(
    "config_invalid",
    `stateDir was ${before.stateDir} and cannot become ${after.stateDir} while the connector runs`,
    { hint: "stop it, move the directory, and start it" },
  );
}

async function refuse({ agent, loaded }: Running, error: unknown): Promise<void> {
  if (!(error instanceof ConnectorError)) throw error;
  const reason = describeError(error);
  agent.log.log("error", "reload_refused", { reason });
  await agent.audit.record({
    type: "agent.reload_refused",
    actor: "connector",
    subject: loaded.config.clusterName,
    data: { kept: loaded.digest, code: error.code },
  }).catch(() => {});
}
