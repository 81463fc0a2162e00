/** `executions` and `key`: options of the command line, turned into calls to the running connector. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { EXECUTION_STATES } from "../core/protocol.ts";
import { DEFAULT_LIMIT, MAX_LIMIT } from "../http/execution_list.ts";
import { connected, type ConnectedOptions, withClient as withConnector } from "./connected.ts";
import type { ExecutionsContext, ListingOptions, SignedFiles } from "./executions.ts";
import { type ExitCode, UsageError } from "./io.ts";
import type { ProgramParts } from "./program.ts";

export function addExecutions(
  program: Command,
  parts: ProgramParts,
  exit: (code: ExitCode) => void,
) {
  const { io, surroundings } = parts;
  const group = program.command("executions").description(
    "what packages did, and what waits for you",
  );

  type Common = ConnectedOptions;
  const command = (name: string, description: string) =>
    connected(group.command(name), description, io);
  const withClient = async (
    options: Common,
    work: (context: ExecutionsContext) => Promise<ExitCode>,
  ) => exit(await withConnector(options, parts, work));
  command("list", "list executions, oldest first")
    .addOption(new Option("--state <state>", "only those in this state").choices(EXECUTION_STATES))
    .addOption(
      new Option("--limit <count>", `at most so many, the newest; up to ${MAX_LIMIT}`)
        .default(DEFAULT_LIMIT).argParser(parseLimit),
    )
    .action((options: Common & ListingOptions) =>
      withClient(options, async (context) => {
        const { listExecutions } = await import("./executions.ts");
        return await listExecutions(context, options);
      })
    );
  command("show", "show one execution with its plan")
    .argument("<id>")
    .action((id: string, options: Common) =>
      withClient(options, async (context) => {
        const { showExecution } = await import("./executions.ts");
        return await showExecution(context, id);
      })
    );
  command("receipt", "print the signed receipt of an execution's last outcome, or of a refusal")
    .argument("<id>")
    .option("--output-file <file>", "write it there")
    .action((id: string, options: Common & { outputFile?: string }) =>
      withClient(options, async (context) => {
        const { exportReceipt } = await import("./receipt.ts");
        const { files } = surroundings.runtime;
        const path = options.outputFile;
        return await exportReceipt(context, id, path === undefined ? null : { path, files });
      })
    );
  connected(
    program.command("key"),
    "print the running connector's public key, which receipts are checked with",
    io,
  )
    .action((options: Common) =>
      withClient(options, async (context) => {
        const { printKey } = await import("./receipt.ts");
        return await printKey(context);
      })
    );
  command("approve", "approve the plan of an execution")
    .argument("<id>")
    .option("--plan-digest <digest>", "approve only this plan, without asking")
    .option("--yes", "approve the plan as it is now, without asking", false)
    .option("--document <file>", "instead: a signed document, as `executions approval` prints it")
    .option("--bundle <file>", "Sigstore bundle over that document")
    .action((
      id: string,
      options: Common & Partial<SignedFiles> & { planDigest?: string; yes: boolean },
    ) =>
      withClient(options, async (context) => {
        const { approveExecution, sendSigned } = await import("./executions.ts");
        const { document, bundle, planDigest, yes } = options;
        if (document !== undefined && bundle !== undefined) {
          return await sendSigned(context, id, { document, bundle });
        }
        if (document !== undefined || bundle !== undefined) {
          throw new UsageError("--document and --bundle go together");
        }
        return await approveExecution(context, id, {
          yes,
          ...(planDigest === undefined ? {} : { planDigest }),
        });
      })
    );
  command("approval", "print what to sign to approve, or reject, from elsewhere")
    .argument("<id>")
    .option("--reject <reason>", "a rejection instead")
    .action((id: string, options: Common & { reject?: string }) =>
      withClient(options, async (context) => {
        const { prepareApproval } = await import("./executions.ts");
        return await prepareApproval(context, id, options.reject);
      })
    );
  command("reject", "reject the plan of an execution")
    .argument("<id>")
    .requiredOption("--reason <text>", "why, for the record")
    .action((id: string, options: Common & { reason: string }) =>
      withClient(options, async (context) => {
        const { rejectExecution } = await import("./executions.ts");
        return await rejectExecution(context, id, options.reason);
      })
    );
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`must be a number from 1 to ${MAX_LIMIT}`);
}
