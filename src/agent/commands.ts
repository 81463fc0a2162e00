/** What the outbound channel's commands do. A command that can never be carried out is refused on record. */
import type { z } from "zod";
import { type ConnectorError, type ErrorCode, InvalidInputError, RefusedError } from "../errors.ts";
import type { AuditLog } from "../core/audit.ts";
import type { Command } from "../core/command.ts";
import { bundlesOf, CommandData } from "../core/protocol.ts";
import { describeIssues } from "../core/schema_problem.ts";
import type { Approvals } from "../execution/approvals.ts";
import type { Intake } from "../execution/intake.ts";
import { decodeBytes } from "../http/listener.ts";
import type { Logger } from "../log.ts";

const MAX_TEXT = 100;
const NOT_SETTLED: readonly ErrorCode[] = ["audit_unavailable", "audit_broken", "not_leader"];

export interface CommandParts {
  readonly intake: Intake;
  readonly approvals: Approvals;
  readonly audit: AuditLog;
  readonly log: Logger;
}

/** Throws when the command is not settled; the loop then brings it again. */
export async function handleCommand(command: Command, parts: CommandParts): Promise<void> {
  try {
    await execute(command, parts);
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof InvalidInputError)) throw error;
    // It is on no record, or another leads now: it must not count as taken.
    if (NOT_SETTLED.includes(error.code)) throw error;
    // Packages that reached the intake were audited and receipted there; this is about the command.
    await parts.audit.record({
      type: "command.refused",
      actor: "control-plane",
      subject: idOf(command),
      data: { commandType: typeOf(command), code: error.code, reason: error.message },
    });
    parts.log.log("warn", "command_refused", describe(command, error));
  }
}

async function execute(command: Command, { intake, approvals }: CommandParts): Promise<void> {
  switch (command.type) {
    case "execute": {
      const request = parse(command, CommandData.execute);
      await intake.receive({
        payload: decodeBytes("payload", request.payload),
        bundles: bundlesOf(request),
        source: "channel",
      });
      return;
    }
    case "approval": {
      const { document, bundle } = parse(command, CommandData.approval);
      await approvals.takeSigned({ document: decodeBytes("document", document), bundle });
      return;
    }
    default:
      throw new InvalidInputError(
        "malformed_request",
        `There is no command ${JSON.stringify(typeOf(command))}`,
      );
  }
}

function parse<Schema extends z.ZodType>({ data }: Command, schema: Schema): z.infer<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    "malformed_request",
    `The command is not valid: ${describeIssues(parsed.error, data, schema).join("; ")}`,
  );
}

function describe(command: Command, error: ConnectorError) {
  return { command: idOf(command), code: error.code, reason: error.message };
}

/** What the control plane may fill at will is cut before it goes on record. */
function idOf(command: Command): string {
  return command.id.slice(0, MAX_TEXT);
}

function typeOf(command: Command): string {
  return command.type.slice(0, MAX_TEXT);
}
