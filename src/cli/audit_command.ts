/** `audit …`: options of the command line, turned into a source that can be read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { openSource, type S3Flags, s3Options } from "./audit_options.ts";
import type { AuditIo, AuditSource } from "./audit_source.ts";
import type { ExitCode } from "./io.ts";
import { type Format, outputOption } from "./output.ts";
import type { ProgramParts } from "./program.ts";
import { DEFAULT_STATE_DIR } from "./run.ts";

const DEFAULT_FOLDER = `${DEFAULT_STATE_DIR}/audit`;

interface Common extends S3Flags {
  checkpoint?: string;
  publicKey?: string;
  output: Format;
}

interface FilterFlags {
  type?: string;
  subject?: string;
  actor?: string;
  since?: number;
  until?: number;
}

/** A child of `program` from the start: only so does it take over how the program ends and prints. */
export function addAudit(
  program: Command,
  parts: ProgramParts,
  exit: (code: ExitCode) => void,
): void {
  const { runtime } = parts.surroundings;
  const { progress, ...cli } = parts.io;
  const io: AuditIo = {
    ...cli,
    files: runtime.files,
    ...(progress ? { progress: { ...progress, clock: runtime.clock } } : {}),
  };
  const group = program.command("audit").description("look at the audit log, and prove it whole");
  const withSource = async (
    directory: string,
    flags: S3Flags,
    work: (source: AuditSource) => Promise<ExitCode>,
  ) => {
    const { source, close } = await openSource(directory, flags, parts.io);
    try {
      exit(await work(source));
    } finally {
      await close();
    }
  };
  const reading = (name: string, description: string): Command =>
    s3Options(group.command(name).description(description));

  reading(
    "verify",
    "check every record of a log, offline; a checkpoint held elsewhere finds a cut tail",
  )
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .option("--checkpoint <file...>", "checkpoints that were kept elsewhere", [])
    .addOption(keyOption())
    .addOption(outputOption())
    .action((directory: string, flags: Omit<Common, "checkpoint"> & { checkpoint: string[] }) =>
      withSource(directory, flags, async (source) => {
        const { runAuditVerify } = await import("./audit.ts");
        const { checkpoint: checkpoints, publicKey, output } = flags;
        return await runAuditVerify({ source, checkpoints, publicKey, output }, io);
      })
    );

  filtering(reading("show", "print the newest records of a log that match, and check it whole"))
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .addOption(countOption("--limit <n>", "how many", 100))
    .addOption(outputOption())
    .action((directory: string, flags: Common & FilterFlags & { limit: number }) =>
      withSource(directory, flags, async (source) => {
        const { runAuditShow } = await import("./audit_show.ts");
        return await runAuditShow({ ...flags, source }, io);
      })
    );

  filtering(group.command("tail").description("print the newest records, and each further one"))
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .option("-f, --follow", "go on until it is interrupted, across days", false)
    .addOption(countOption("-n, --lines <n>", "how many to begin with, of the newest file", 10))
    .addOption(
      new Option("-o, --output <format>", "form of the records; json: one a line")
        .choices(["text", "json"]).default("text"),
    )
    .action(
      async (
        directory: string,
        flags: FilterFlags & { follow: boolean; lines: number; output: string },
      ) => {
        const { runAuditTail } = await import("./audit_tail.ts");
        const abort = new AbortController();
        parts.requests.stopped.then(() => abort.abort());
        const options = { ...flags, directory, json: flags.output === "json" };
        exit(await runAuditTail(options, { ...io, clock: runtime.clock }, abort.signal));
      },
    );

  reading("prove", "print the proof that a record is in the log; verify-proof checks it")
    .argument("<seq>", "number of the record", parseCount)
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .option("--checkpoint <file>", "that the proof leads to; default: the newest that is known")
    .addOption(keyOption())
    .action((sequence: number, directory: string, flags: Common) =>
      withSource(directory, flags, async (source) => {
        const { runAuditProve } = await import("./audit_prove.ts");
        return await runAuditProve({ ...flags, source, sequence }, io);
      })
    );

  reading("consistency", "print the proof that one checkpoint's log grew out of another's")
    .argument("<old>", "checkpoint")
    .argument("<new>", "checkpoint")
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .addOption(keyOption())
    .action((older: string, newer: string, directory: string, flags: Common) =>
      withSource(directory, flags, async (source) => {
        const { runAuditConsistency } = await import("./audit_prove.ts");
        return await runAuditConsistency({ ...flags, source, older, newer }, io);
      })
    );

  periodOptions(reading("export", "write all records of a period with their proof into a folder"))
    .argument("<out>", "folder that is not there yet, or empty")
    .argument("[dir]", "folder of the log", DEFAULT_FOLDER)
    .option("--checkpoint <file>", "that the proof leads to; default: the newest that is known")
    .addOption(keyOption())
    .addOption(outputOption())
    .action((folder: string, directory: string, flags: Common & FilterFlags) =>
      withSource(directory, flags, async (source) => {
        const { runAuditExport } = await import("./audit_export.ts");
        return await runAuditExport({ ...flags, source, folder }, io);
      })
    );

  group.command("verify-proof")
    .description("check a proof or an export with nothing but the public key; offline")
    .argument("<path>", "what prove or consistency printed, or the folder of an export")
    .addOption(keyOption())
    .addOption(outputOption())
    .action(async (path: string, flags: { publicKey?: string; output: Format }) => {
      const { runVerifyProof } = await import("./audit_verify_proof.ts");
      exit(await runVerifyProof({ path, ...flags }, io));
    });
}

function keyOption(): Option {
  return new Option("--public-key <file>", "the connector's key: PEM, or 32 bytes in base64");
}

function countOption(flags: string, description: string, count: number): Option {
  return new Option(flags, description).default(count).argParser(parseCount);
}

function periodOptions(command: Command): Command {
  const time = (flags: string, description: string) =>
    new Option(flags, description).argParser(parseTime);
  return command
    .addOption(time("--since <time>", "from then on: 2026-11-22, or RFC 3339"))
    .addOption(time("--until <time>", "before then"));
}

function filtering(command: Command): Command {
  return periodOptions(command)
    .option("--type <glob>", "only records of this type, such as 'execution.*'")
    .option("--subject <glob>", "only records about this")
    .option("--actor <glob>", "only what this one did");
}

function parseTime(value: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(
    value,
  );
  const timeMs = isTime ? Date.parse(value) : NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new InvalidArgumentError("must be a day (UTC) or a time such as 2026-11-22T22:30:00+01:00");
}

function parseCount(value: string): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("must be a whole number above 0");
}
