/** An audit log on the disk, opened as the agent opens it, with a key of its own. */
import { checkpointSigner } from "../../../src/agent/foundation.ts";
import type { FileAuditLog } from "../../../src/adapters/audit_file.ts";
import { openAuditLog } from "../../../src/adapters/audit_open.ts";
import type { AuditEntry } from "../../../src/core/audit.ts";
import type { CheckpointSigner } from "../../../src/core/audit/checkpoint.ts";
import { generateKeyPem, keyFromPem } from "../../../src/core/connector_key.ts";
import { HealthBoard } from "../../../src/core/health.ts";
import { JsonLogger, SecretMask } from "../../../src/log.ts";
import { createMetrics } from "../../../src/metrics.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";

export async function createSigner(): Promise<CheckpointSigner> {
  return checkpointSigner(await keyFromPem(await generateKeyPem()));
}

export async function openLog(directory: string): Promise<FileAuditLog> {
  const { clock, files } = systemRuntime();
  return await openAuditLog({
    files,
    clock,
    log: new JsonLogger(clock, () => {}, "error", new SecretMask()),
    metrics: createMetrics(),
    health: new HealthBoard(() => clock.now()),
    directory,
    signer: await createSigner(),
  });
}

/** As the book records a move of an execution: about 600 bytes as a line. */
export function entryOf(index: number): AuditEntry {
  return {
    type: "execution.applying",
    actor: "connector",
    subject: `e-${index}`,
    data: {
      digest: "ab".repeat(32),
      name: "configure",
      stream: "shop",
      sequence: index,
      risk: "low",
      signers: ["release (cosign.pub)"],
      code: null,
      reason: "approved by policy",
      planDigest: "cd".repeat(32),
      approvers: [],
    },
  };
}
