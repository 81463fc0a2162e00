/**
 * The local side, over a Unix socket in the state directory (mode 0600): whoever can open it is the
 * agent's own user or root. It is where people look at plans, approve and reject.
 */
import { Hono } from "hono";
import { z } from "zod";
import type { ConnectorJwk } from "../core/connector_key.ts";
import type { HealthBoard } from "../core/health.ts";
import { RefusedError } from "../errors.ts";
import type { Approvals } from "../execution/approvals.ts";
import type { ExecutionBook } from "../execution/book.ts";
import type { ReceiptStore } from "../execution/receipt_issuer.ts";
import type { Clock } from "../runtime.ts";
import type { Logger } from "../log.ts";
import { answerErrors } from "./answer_errors.ts";
import { listExecutions } from "./execution_list.ts";
import { describe } from "./execution_view.ts";
import { readJson } from "./json_body.ts";

export const ADMIN_SOCKET = "agent.sock";
const MAX_BODY_BYTES = 16_384;

const person = z.string().min(1).max(100).regex(/^[\w.@+-]+$/, "must be a user name");
export const ApproveRequest = z.strictObject({ planDigest: z.string().max(100), approver: person });
export const RejectRequest = z.strictObject({
  approver: person,
  reason: z.string().min(1).max(1000),
});

export interface AdminParts {
  readonly book: ExecutionBook;
  readonly approvals: Approvals;
  readonly receipts: Pick<ReceiptStore, "find">;
  /** What receipts are checked with. */
  readonly publicKey: ConnectorJwk;
  readonly health: HealthBoard;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createAdmin(parts: AdminParts): (request: Request) => Promise<Response> {
  const app = new Hono();
  app.get("/health", (context) => context.json({ parts: parts.health.parts() }));
  app.get(
    "/executions",
    async (context) => context.json(await listExecutions(parts.book, context.req.query())),
  );
  app.get(
    "/executions/:id",
    async (context) => context.json(describe(await parts.book.get(context.req.param("id")))),
  );
  app.get("/executions/:id/receipt", async (context) => {
    const id = context.req.param("id");
    const found = await parts.receipts.find(id);
    if (found) return context.json({ executionId: id, receipt: found.jws });
    throw new RefusedError("not_found", `There is no receipt of ${id}`, {
      hint: "a package has one from when it waits for a person, has ended or was refused",
    });
  });
  app.get("/key", (context) => context.json(parts.publicKey));
  app.post("/executions/:id/approve", async (context) => {
    const body = await readJson(context.req.raw, ApproveRequest, MAX_BODY_BYTES, parts.clock);
    const record = await parts.approvals.approve(
      context.req.param("id"),
      body.planDigest,
      `socket:${body.approver}`,
    );
    return context.json(describe(record));
  });
  app.post("/executions/:id/reject", async (context) => {
    const body = await readJson(context.req.raw, RejectRequest, MAX_BODY_BYTES, parts.clock);
    const record = await parts.approvals.reject(
      context.req.param("id"),
      `socket:${body.approver}`,
      body.reason,
    );
    return context.json(describe(record));
  });
  answerErrors(app, parts.log);
  return async (request) => await app.fetch(request);
}
