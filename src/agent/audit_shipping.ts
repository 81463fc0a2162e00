/** Ships the audit log's sealed days to S3, where one is configured. */
import { type S3AccessKey, S3Archive } from "../adapters/s3.ts";
import { type AuditUploadOptions, runAuditUpload, shipLast } from "../loops/audit_upload.ts";
import type { Config } from "../config/schema.ts";
import { describeError, TransientError } from "../errors.ts";
import { parseAccessKey, parseAccessKeyJson } from "./access_key.ts";
import type { VaultSession } from "../adapters/vault.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { readCa, readConfigured } from "./read_files.ts";

const TIMEOUT_MS = 60_000;
/** Keys from Vault or a file may be rotated at any time; they are asked for again this often. */
const KEY_LIFETIME_MS = 300_000;

/** Within the time that a pod or a unit has for its stop. */
const LAST_SHIPMENT_MS = 10_000;

export interface AuditShipping {
  run(signal: AbortSignal): Promise<void>;
  /** At the last stop: what is not in the archive yet, as far as the time goes. Never throws. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export async function prepareAuditShipping(
  foundation: Foundation,
  control: Control,
): Promise<AuditShipping> {
  const { config, audit, runtime, health, log, metrics } = foundation;
  const { clock, random } = runtime;
  const { s3, keepLocal, shipEvery } = config.audit;
  const store = s3 ? await openArchive(s3, foundation, control.vault) : null;
  const options: AuditUploadOptions = {
    audit,
    store,
    clock,
    random,
    health,
    log,
    metrics,
    prefix: s3?.prefix ?? "",
    retentionMs: s3?.retention ?? 0,
    keepLocalMs: keepLocal,
    pollMs: shipEvery,
  };
  return {
    run: (signal) => runAuditUpload(options, signal),
    finish: () => finish(options),
    close: async () => await store?.close(),
  };
}

async function finish(options: AuditUploadOptions): Promise<void> {
  const { clock, log, store } = options;
  if (store === null) return;
  const done = new AbortController();
  const tooLate = new AbortController();
  const limit = clock.sleep(LAST_SHIPMENT_MS, done.signal).then(() => {
    throw new TransientError("timeout", `it took more than ${LAST_SHIPMENT_MS} ms`);
  });
  limit.catch(() => {});
  try {
    await Promise.race([shipLast(options, tooLate.signal), limit]);
  } catch (error) {
    tooLate.abort(error);
    log.log("warn", "audit_last_shipment_failed", { reason: describeError(error) });
  } finally {
    done.abort();
  }
}

export type S3Config = NonNullable<Config["audit"]["s3"]>;

type Surroundings = Pick<Foundation, "runtime" | "mask">;

/** Throws StalledError `config_invalid` for a CA file that cannot be read. */
export async function openArchive(
  s3: S3Config,
  surroundings: Surroundings,
  vault: Pick<VaultSession, "readKv2">,
): Promise<S3Archive> {
  const { files } = surroundings.runtime;
  return new S3Archive({
    bucket: s3.bucket,
    region: s3.region,
    pathStyle: s3.pathStyle,
    timeoutMs: TIMEOUT_MS,
    ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
    ...await readCa(files, "audit.s3.caFile", s3.caFile),
    accessKey: () => readAccessKey(s3, surroundings, vault),
  });
}

async function readAccessKey(
  s3: S3Config,
  { runtime, mask }: Surroundings,
  vault: Pick<VaultSession, "readKv2">,
): Promise<S3AccessKey> {
  const { credentialsVaultPath: vaultPath, credentialsFile } = s3;
  const key = "audit.s3.credentialsFile";
  const accessKey = vaultPath === undefined
    ? parseAccessKeyJson(await readConfigured(runtime.files, key, credentialsFile!), key)
    : parseAccessKey(await vault.readKv2(vaultPath, AbortSignal.timeout(TIMEOUT_MS)), vaultPath);
  mask.add(accessKey.secretAccessKey);
  if (accessKey.sessionToken) mask.add(accessKey.sessionToken);
  return { ...accessKey, expiration: new Date(runtime.clock.now() + KEY_LIFETIME_MS) };
}
