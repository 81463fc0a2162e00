/** The audit log of a state directory, opened as the agent opens it. */
import type { FileAuditLog } from "../../src/adapters/audit_file.ts";
import { openAuditLog } from "../../src/adapters/audit_open.ts";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { checkpointOrigin } from "../../src/core/audit/checkpoint.ts";
import { HealthBoard } from "../../src/core/health.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import type { Clock } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";

/** With the key that the agent then finds. */
export async function openLog(
  stateDir: string,
  clock: Clock,
  maxSegmentBytes = 16 << 20,
): Promise<FileAuditLog> {
  const key = await loadOrCreateKey(systemFiles, stateDir);
  return await openAuditLog({
    files: systemFiles,
    clock,
    log: new JsonLogger(clock, () => {}, "error", new SecretMask()),
    metrics: createMetrics(),
    health: new HealthBoard(() => clock.now()),
    directory: `${stateDir}/audit`,
    signer: {
      name: checkpointOrigin(key.publicKey),
      publicKey: key.publicKey,
      sign: (bytes) => key.sign(new Uint8Array(bytes)),
    },
    maxSegmentBytes,
  });
}
