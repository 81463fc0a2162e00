/** What everything else stands on: the state directory and its lock, the key, the log, the audit chain. */
import { StalledError } from "../errors.ts";
import type { FileAuditLog } from "../adapters/audit_file.ts";
import { openAuditLog } from "../adapters/audit_open.ts";
import { loadOrCreateKey } from "../adapters/key_file.ts";
import type { Config } from "../config/schema.ts";
import { checkpointOrigin, type CheckpointSigner } from "../core/audit/checkpoint.ts";
import type { ConnectorKey } from "../core/connector_key.ts";
import { HealthBoard } from "../core/health.ts";
import { JsonLogger, type Logger, SecretMask } from "../log.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import type { FileLock, Runtime } from "../runtime.ts";

export interface Surroundings {
  readonly runtime: Runtime;
  readonly env: (name: string) => string | undefined;
  readonly hostname: string;
  /** One finished log line. */
  readonly writeLog: (line: string) => void;
}

export interface Foundation extends Surroundings {
  readonly config: Config;
  readonly lock: FileLock;
  readonly key: ConnectorKey;
  readonly mask: SecretMask;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: HealthBoard;
  readonly audit: FileAuditLog;
}

/** Throws StalledError `state_unwritable` when another connector holds the state directory. */
export async function layFoundation(
  config: Config,
  surroundings: Surroundings,
): Promise<Foundation> {
  const { runtime, writeLog } = surroundings;
  const { files, clock } = runtime;
  const mask = new SecretMask();
  const log = new JsonLogger(clock, writeLog, config.logLevel, mask);
  const health = new HealthBoard(() => clock.now());
  const metrics = createMetrics();
  await files.ensureDirectory(config.stateDir);
  const lock = await files.tryLock(`${config.stateDir}/lock`);
  if (!lock) {
    throw new StalledError(
      "state_unwritable",
      `${config.stateDir} is in use by another connector`,
      {
        hint: "stop it first, or give this one a stateDir of its own",
      },
    );
  }
  try {
    const key = await loadOrCreateKey(files, config.stateDir);
    const audit = await openAuditLog({
      files,
      clock,
      log,
      metrics,
      health,
      directory: `${config.stateDir}/audit`,
      signer: checkpointSigner(key),
    });
    return { ...surroundings, config, lock, key, mask, log, metrics, health, audit };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The key of the connector as the one that signs the heads of its audit log. */
export function checkpointSigner(key: ConnectorKey): CheckpointSigner {
  return {
    name: checkpointOrigin(key.publicKey),
    publicKey: key.publicKey,
    sign: (bytes) => key.sign(new Uint8Array(bytes)),
  };
}
