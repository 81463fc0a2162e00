/** Ships the audit log's sealed days to S3, where one is configured. */
import { type S3AccessKey, S3Archive } from "../adapters/s3.ts";
import { runAuditUpload } from "../loops/audit_upload.ts";
import type { Config } from "../config/schema.ts";
import { parseAccessKey, parseAccessKeyJson } from "./access_key.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { readCa, readConfigured } from "./read_files.ts";

const TIMEOUT_MS = 60_000;
/** Keys from Vault or a file may be rotated at any time; they are asked for again this often. */
const KEY_LIFETIME_MS = 300_000;

export interface AuditShipping {
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export async function prepareAuditShipping(
  foundation: Foundation,
  control: Control,
): Promise<AuditShipping> {
  const { config, audit, runtime, health, log, metrics } = foundation;
  const { clock, random } = runtime;
  const { s3, keepLocal, shipEvery } = config.audit;
  const store = s3 ? await createArchive(s3, foundation, control) : null;
  return {
    run: (signal) =>
      runAuditUpload({
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
      }, signal),
    close: async () => await store?.close(),
  };
}

type S3Config = NonNullable<Config["audit"]["s3"]>;

async function createArchive(
  s3: S3Config,
  foundation: Foundation,
  control: Control,
): Promise<S3Archive> {
  const { runtime } = foundation;
  return new S3Archive({
    bucket: s3.bucket,
    region: s3.region,
    pathStyle: s3.pathStyle,
    timeoutMs: TIMEOUT_MS,
    ...(s3.endpoint === undefined ? {} : { endpoint: s3.endpoint }),
    ...await readCa(runtime.files, "audit.s3.caFile", s3.caFile),
    accessKey: () => readAccessKey(s3, foundation, control),
  });
}

async function readAccessKey(
  s3: S3Config,
  { runtime, mask }: Foundation,
  { vault }: Control,
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
