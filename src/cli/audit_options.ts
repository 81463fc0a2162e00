/** Which log is meant: the options that name an archive, and what they open. */
import type { Command } from "commander";
import type { AuditSource } from "./audit_source.ts";
import { readInputText } from "./input_file.ts";
import { type CliIo, UsageError } from "./io.ts";

const TIMEOUT_MS = 60_000;

export interface S3Flags {
  from?: string;
  chain?: string;
  credentials?: string;
  endpoint?: string;
  region: string;
  caFile?: string;
  pathStyle: boolean;
}

export function s3Options(command: Command): Command {
  return command
    .option("--from <url>", "s3://bucket/prefix instead of a folder")
    .option("--chain <id>", "which log, where the prefix holds several")
    .option("--credentials <file>", "JSON file with accessKeyId and secretAccessKey, for --from")
    .option("--endpoint <url>", "S3 server other than AWS")
    .option("--region <name>", "of the bucket", "us-east-1")
    .option("--ca-file <file>", "PEM file with the CA of the S3 server")
    .option("--path-style", "bucket in the path, not in the host name", false);
}

/** The caller closes it. Throws UsageError. */
export async function openSource(
  directory: string,
  flags: S3Flags,
  io: CliIo,
): Promise<{ readonly source: AuditSource; close(): Promise<void> }> {
  if (flags.from === undefined) return { source: { directory }, close: () => Promise.resolve() };
  const { parseArchiveUrl } = await import("./audit.ts");
  const { S3Archive } = await import("../adapters/s3.ts");
  const { parseAccessKeyJson } = await import("../agent/access_key.ts");
  const place = parseArchiveUrl(flags.from);
  if (!place) throw new UsageError(`--from must be s3://bucket/prefix, not ${flags.from}`);
  const { credentials, caFile, endpoint, region, pathStyle, chain } = flags;
  if (credentials === undefined) throw new UsageError("--from needs --credentials");
  const accessKey = parseAccessKeyJson(await readInputText(io, credentials), credentials);
  const archive = new S3Archive({
    bucket: place.bucket,
    region,
    pathStyle,
    timeoutMs: TIMEOUT_MS,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(caFile === undefined ? {} : { caPem: await readInputText(io, caFile) }),
    accessKey: () => Promise.resolve(accessKey),
  });
  const source = { archive, prefix: place.prefix, chainId: chain ?? null };
  return { source, close: () => archive.close() };
}
