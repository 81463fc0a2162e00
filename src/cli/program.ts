/** The command line: names, options and help. Each command's work is in a file of its own. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import * as z from "zod";
import type { Surroundings } from "../agent/foundation.ts";
import type { Requests } from "../agent/lifetime.ts";
import type { ThisProcess } from "../runtime.ts";
import { addAudit } from "./audit_command.ts";
import { configOption } from "./config_option.ts";
import { connected, type ConnectedOptions, withClient } from "./connected.ts";
import { addExecutions } from "./executions_command.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { addMetrics } from "./metrics_command.ts";
import { type Format, outputOption } from "./output.ts";
import { run } from "./run.ts";

export interface ProgramParts {
  readonly surroundings: Surroundings;
  readonly io: CliIo;
  readonly thisProcess: ThisProcess;
  readonly requests: Requests;
  /** Loaded only when it is asked for: the embedded peers are no part of the agent. */
  readonly simulate: (
    options: { readonly config?: string; readonly output: string },
  ) => Promise<ExitCode>;
}

const EXIT_CODES = `
Exit codes:
  0  done, or verified
  1  refused, or failed
  2  wrong usage`;

/** Runs one command line. Throws ConnectorErrors, and what is a bug. */
export async function runProgram(args: readonly string[], parts: ProgramParts): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = buildProgram(parts, (code) => exitCode = code);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) {
      parts.io.printError(`error: ${error.message}`);
      return 2;
    }
    throw error;
  }
}

function buildProgram(parts: ProgramParts, exit: (code: ExitCode) => void): Command {
  const { io } = parts;
  const program = new Command("neuralops-connector")
    .description(
      "Connects this cluster to NeuralOps, and does nothing that was not signed,\nallowed and approved.",
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => io.printError(text.trimEnd()),
    })
    .addHelpText("afterAll", EXIT_CODES)
    .showHelpAfterError("(try --help)");

  program.command("run")
    .description("run the agent until it is asked to stop")
    .addOption(configOption(io))
    .action(async ({ config }: { config: string }) => {
      exit(await run(config, parts.surroundings, parts.requests));
    });

  program.command("simulate")
    .description("run the real agent against embedded peers and show that it does its whole job")
    .option(
      "-c, --config <file>",
      "its vault, prometheus, kubernetes and audit.s3 sections name real peers",
    )
    .option("--output <dir>", "where its report goes, and its files while it runs", "reports")
    .action(async (options: { config?: string; output: string }) =>
      exit(await parts.simulate(options))
    );

  program.command("verify")
    .description("say who signed a file, or why it is refused; offline")
    .argument("<file>", "a file, or sha256:DIGEST of one")
    .addOption(
      listOption("--bundle <file>", "Sigstore bundle, as cosign writes it; again for each signer")
        .makeOptionMandatory(),
    )
    .addOption(listOption("--key <file>", "PEM public key of a signer; again for each"))
    .option("--threshold <n>", "how many of the keys must have signed", parseThreshold)
    .option("--certificate-identity <identity>", "exact identity in the signing certificate")
    .option("--certificate-oidc-issuer <url>", "exact issuer in the signing certificate")
    .option(
      "--trusted-root <file>",
      "trusted_root.json of the Sigstore instance; default: the public-good one",
    )
    .addOption(outputOption())
    .action(async (file: string, options) => {
      const { runVerify } = await import("./verify.ts");
      exit(await runVerify({ file, ...options }, io));
    });

  program.command("verify-receipt")
    .description("say what a receipt says, or why it is refused; offline")
    .argument("<file>", "the receipt, as executions receipt prints it or the control plane has it")
    .requiredOption("--key <file>", "the connector's public key, as key prints it: PEM or JWK")
    .addOption(outputOption())
    .action(async (file: string, options) => {
      const { runVerifyReceipt } = await import("./receipt.ts");
      exit(await runVerifyReceipt({ file, ...options }, io));
    });

  connected(
    program.command("status"),
    "say how the running connector is: parts, metrics, audit log. Exit code 1 when a\n" +
      "part is degraded or stalled, 3 when no connector answers",
    io,
  )
    .action(async (options: ConnectedOptions) => {
      const { showStatus } = await import("./status.ts");
      exit(await withClient(options, parts, showStatus));
    });

  addExecutions(program, parts, exit);

  program.command("config")
    .description("look at the configuration")
    .command("check")
    .description("say whether the agent could start with it; asks no peer, changes nothing")
    .addOption(configOption(io))
    .addOption(outputOption())
    .action(async ({ config, output }: { config: string; output: Format }) => {
      const { runConfigCheck } = await import("./config.ts");
      await runConfigCheck(config, output, parts.surroundings, io);
    });

  program.command("policy")
    .description("look at the execution policy")
    .command("check")
    .description("explain rule by rule what a policy says to a work package")
    .argument("<wpk>", "the work package")
    .requiredOption("--policy <file>", "the policy file")
    .addOption(
      new Option("--at <time>", "ask for this time (RFC 3339) instead of now").argParser(parseTime),
    )
    .addOption(outputOption())
    .action(async (
      workPackage: string,
      { policy, at, output }: { policy: string; at?: number; output: Format },
    ) => {
      const { checkPolicy } = await import("./policy.ts");
      const atMs = at ?? parts.surroundings.runtime.clock.now();
      exit(await checkPolicy(io, output, { workPackage, policy, atMs }));
    });

  addMetrics(program, parts, exit);

  addAudit(program, parts, exit);

  program.command("doctor")
    .description("look at everything that the agent needs, and say what to do; changes nothing")
    .addOption(configOption(io))
    .addOption(outputOption())
    .action(async ({ config, output }: { config: string; output: Format }) => {
      const { runDoctor } = await import("./doctor.ts");
      exit(await runDoctor(config, output, parts.surroundings, io));
    });

  program.command("version")
    .description("print the version; with --verify, what this program is and who vouches for it")
    .option("--verify", "explain what this program is", false)
    .option("--bundle <file>", "verify against a release: the Sigstore bundle over its SHA256SUMS")
    .option("--key <file>", "PEM public key that the release is signed with")
    .option("--checksums <file>", "SHA256SUMS; default: --bundle without .sigstore.json")
    .addOption(outputOption())
    .action(async (options) => {
      const { runVersion } = await import("./version.ts");
      exit(await runVersion(options, parts.thisProcess, io));
    });
  return program;
}

/** An option that may be given more than once. */
function listOption(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, before: string[] | undefined) => [...before ?? [], value]);
}

/** Throws InvalidArgumentError. */
function parseThreshold(text: string): number {
  if (!/^([1-9]|10)$/.test(text)) throw new InvalidArgumentError("give a number from 1 to 10");
  return Number(text);
}

function parseTime(value: string): number {
  const parsed = z.iso.datetime({ offset: true }).safeParse(value);
  if (parsed.success) return Date.parse(value);
  throw new InvalidArgumentError("must be a time such as 2026-11-22T22:30:00+01:00");
}
