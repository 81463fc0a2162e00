/** `audit verify|show`: options of the command line, turned into a source that can be read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { AuditSource } from "./audit.ts";
import { readInputText } from "./input_file.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, outputOption } from "./output.ts";
import type { ProgramParts } from "./program.ts";
import { DEFAULT_STATE_DIR } from "./run.ts";

const TIMEOUT_MS = 60_000;

interface S3Flags {
  from?: string;
  chain?: string;
  credentials?: string;
  endpoint?: string;
  region: string;
  caFile?: string;
  pathStyle: boolean;
}

interface VerifyFlags extends S3Flags {
  checkpoint: string[];
  publicKey?: string;
  output: Format;
}

/** A child of `program` from the start: only so does it take over how the program ends and prints. */
export function addAudit(
  program: Command,
  parts: ProgramParts,
  exit: (code: ExitCode) => void,
): void {
  const io = { ...parts.io, files: parts.surroundings.runtime.files };
  const group = program.command("audit").description("look at the audit log, and prove it whole");

  group.command("verify")
    .description(
      "check every record of a log, offline; a checkpoint held elsewhere finds a cut tail",
    )
    .argument("[dir]", "folder of the log", `${DEFAULT_STATE_DIR}/audit`)
    .option("--checkpoint <file...>", "checkpoints that were kept elsewhere", [])
    .option("--public-key <file>", "the connector's public key: PEM, or 32 bytes in base64")
    .option("--from <url>", "s3://bucket/prefix instead of a folder")
    .option("--chain <id>", "which log, where the prefix holds several")
    .option("--credentials <file>", "JSON file with accessKeyId and secretAccessKey, for --from")
    .option("--endpoint <url>", "S3 server other than AWS")
    .option("--region <name>", "of the bucket", "us-east-1")
    .option("--ca-file <file>", "PEM file with the CA of the S3 server")
    .option("--path-style", "bucket in the path, not in the host name", false)
    .addOption(outputOption())
    .action(async (directory: string, flags: VerifyFlags) => {
      const { runAuditVerify } = await import("./audit.ts");
      const { checkpoint: checkpoints, publicKey, output } = flags;
      const archive = await openArchive(flags, parts.io);
      const source: AuditSource = archive ?? { directory };
      try {
        exit(await runAuditVerify({ source, checkpoints, publicKey, output }, io));
      } finally {
        await archive?.archive.close();
      }
    });

  group.command("show")
    .description("print the newest records of a log")
    .argument("[dir]", "folder of the log", `${DEFAULT_STATE_DIR}/audit`)
    .option("--type <type>", "only records of this type")
    .addOption(new Option("--limit <n>", "how many").default(100).argParser(parseCount))
    .addOption(outputOption())
    .action(async (directory: string, flags: { type?: string; limit: number; output: Format }) => {
      const { runAuditShow } = await import("./audit.ts");
      exit(await runAuditShow({ directory, ...flags }, io));
    });
}

function parseCount(value: string): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("must be a whole number above 0");
}

async function openArchive(flags: S3Flags, io: CliIo) {
  if (flags.from === undefined) return null;
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
  return { archive, prefix: place.prefix, chainId: chain ?? null };
}
