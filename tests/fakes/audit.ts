/** What audit tests share: a signer, a folder of their own, a log that opens on it. */
import { checkpointSigner } from "../../src/agent/foundation.ts";
import { openAuditLog } from "../../src/adapters/audit_open.ts";
import type { CheckpointSigner } from "../../src/core/audit/checkpoint.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import type { AuditEntry } from "../../src/core/audit.ts";
import { HealthBoard } from "../../src/core/health.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import type { Files } from "../../src/runtime.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { FakeClock } from "./fake_clock.ts";

export async function createSigner(): Promise<CheckpointSigner> {
  return checkpointSigner(await keyFromPem(await generateKeyPem()));
}

export function createEntry(index: number): AuditEntry {
  return {
    type: "execution.applying",
    actor: "connector",
    subject: `e-${index}`,
    data: { index, digest: "ab".repeat(32), objects: ["default/web", "é\u2028"], forced: false },
  };
}

export interface AuditFixture extends AsyncDisposable {
  readonly directory: string;
  readonly clock: FakeClock;
  readonly health: HealthBoard;
  readonly signer: CheckpointSigner;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly logged: string[];
  open(files?: Files, maxSegmentBytes?: number): ReturnType<typeof openAuditLog>;
}

export async function createAuditFixture(): Promise<AuditFixture> {
  const root = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(root, { recursive: true });
  const directory = `${root}/audit`;
  const clock = new FakeClock();
  const health = new HealthBoard(() => clock.now());
  const signer = await createSigner();
  const metrics = createMetrics();
  const logged: string[] = [];
  const log = new JsonLogger(clock, (line) => logged.push(line), "debug", new SecretMask());
  return {
    directory,
    clock,
    health,
    signer,
    metrics,
    logged,
    open: (files = systemFiles, maxSegmentBytes = 1 << 24) =>
      openAuditLog({ files, clock, log, metrics, health, directory, signer, maxSegmentBytes }),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}
