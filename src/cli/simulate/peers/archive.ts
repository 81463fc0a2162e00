/** The embedded S3 server, and a bucket of a real one, under a prefix of the run's own. */
import { S3Archive, type S3Options } from "../../../adapters/s3.ts";
import { parseAccessKey, parseAccessKeyJson } from "../../../agent/access_key.ts";
import { readCa, readConfigured } from "../../../agent/read_files.ts";
import type { Config } from "../../../config/schema.ts";
import { type EmbeddedS3, startS3 } from "../../../embedded/s3.ts";
import { systemFiles } from "../../../runtime_deno/files.ts";
import { randomSecret } from "../random_secret.ts";
import type { ArchivePeer, Place } from "./peer.ts";

const BUCKET = "audit-archive";
const ACCESS_KEY_ID = "AKIASIMULATION00";
const VAULT_PATH = "secret/data/neuralops/s3";
const TIMEOUT_MS = 10_000;
/** What is locked stays locked: a run leaves as little behind, and for as short, as S3 allows. */
const SHORTEST_RETENTION = "1d";

/**
 * @param keepInVault puts the key under this path of the Vault that the connector uses; null when the
 *   run cannot write there: the connector then reads a file
 */
export async function embeddedArchive(
  place: Place,
  keepInVault: ((path: string, key: Record<string, string>) => void) | null,
): Promise<ArchivePeer & { readonly embedded: EmbeddedS3 }> {
  const { pki, caFile } = place;
  const key = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: randomSecret() };
  const s3 = await startS3({ pki, bucket: BUCKET, objectLock: true, ...key });
  keepInVault?.(VAULT_PATH, key);
  const where = { bucket: BUCKET, endpoint: s3.url, pathStyle: true };
  return {
    name: "S3",
    embedded: s3,
    url: s3.url,
    section: {
      ...where,
      caFile,
      retention: "30d",
      ...(keepInVault
        ? { credentialsVaultPath: VAULT_PATH }
        : { credentialsFile: await place.write("s3.json", JSON.stringify(key)) }),
    },
    open: () =>
      new S3Archive({
        ...where,
        region: "us-east-1",
        caPem: pki.caPem,
        timeoutMs: TIMEOUT_MS,
        accessKey: () => Promise.resolve(key),
      }),
    secrets: () => [key.secretAccessKey],
    close: () => s3.close(),
  };
}

/** @param readVault reads a KV v2 path of the Vault that the connector uses */
export async function realArchive(
  section: ArchivePeer["section"],
  config: NonNullable<Config["audit"]["s3"]>,
  { id }: Pick<Place, "id">,
  readVault: (path: string) => Promise<unknown>,
): Promise<ArchivePeer> {
  const { bucket, region, endpoint, pathStyle, credentialsVaultPath, credentialsFile } = config;
  const name = "audit.s3.credentialsFile";
  const key = credentialsVaultPath === undefined
    ? parseAccessKeyJson(await readConfigured(systemFiles, name, credentialsFile!), name)
    : parseAccessKey(await readVault(credentialsVaultPath), credentialsVaultPath);
  const options: S3Options = {
    bucket,
    region,
    pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...await readCa(systemFiles, "audit.s3.caFile", config.caFile),
    timeoutMs: TIMEOUT_MS,
    accessKey: () => Promise.resolve(key),
  };
  const prefix = [section.prefix ?? "audit", `simulate-${id}`].filter(Boolean).join("/");
  // Now rather than after the whole story: is the bucket there, and are we let in?
  const archive = new S3Archive(options);
  try {
    await Array.fromAsync(archive.versions(`${prefix}/`));
  } finally {
    await archive.close();
  }
  return {
    name: "S3",
    url: endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`,
    section: {
      ...section,
      prefix,
      retention: SHORTEST_RETENTION,
    },
    open: () => new S3Archive(options),
    secrets: () => [key.secretAccessKey],
    close: () => Promise.resolve(),
  };
}
