/**
 * The local side, over a Unix socket in the state directory (mode 0600, or 0660 where the group may
 * approve). It is where people look at plans, approve and reject. To open the socket proves nobody's
 * name: each decision comes with a proof of who makes it.
 */
import { Hono } from "hono";
import * as z from "zod";
import { prepareDocument } from "../core/approval_document.ts";
import type { Approvers } from "../core/approver.ts";
import type { ConnectorJwk } from "../core/connector_key.ts";
import type { HealthBoard } from "../core/health.ts";
import type { Decision } from "../core/ownership_proof.ts";
import { MAX_APPROVAL_BODY_BYTES, SignedApprovalRequest } from "../core/protocol.ts";
import { RefusedError } from "../errors.ts";
import type { Approvals } from "../execution/approvals.ts";
import type { ExecutionBook } from "../execution/book.ts";
import type { Challenges } from "../execution/challenges.ts";
import type { ReceiptStore } from "../execution/receipt_issuer.ts";
import type { Clock } from "../runtime.ts";
import type { Logger } from "../log.ts";
import { answerErrors } from "./answer_errors.ts";
import { listExecutions } from "./execution_list.ts";
import { describe } from "./execution_view.ts";
import { readJson } from "./json_body.ts";
import { decodeBytes } from "./listener.ts";
import type { AgentStatus } from "./status.ts";

const MAX_BODY_BYTES = 16_384;

const nonce = z.string().regex(/^[0-9a-f]{32}$/, "must be a nonce of POST /challenges")
  .describe(
    "of a challenge; the directory that its answer names must be there, made by the person",
  );
const reason = z.string().min(1).max(1000);
export const Challenge = z.object({
  nonce: z.string(),
  lifetimeMs: z.int().describe("how long it can be answered"),
});
export const ApproveRequest = z.strictObject({ planDigest: z.string().max(100), nonce });
export const RejectRequest = z.strictObject({ reason, nonce });
export const DocumentRequest = z.strictObject({
  decision: z.enum(["approve", "reject"]),
  reason: z.string().max(1000),
});

export interface AdminParts {
  readonly book: ExecutionBook;
  readonly approvals: Approvals;
  readonly approvers: Approvers;
  readonly challenges: Challenges;
  readonly receipts: Pick<ReceiptStore, "find">;
  /** What receipts are checked with. */
  readonly publicKey: ConnectorJwk;
  readonly health: HealthBoard;
  readonly status: () => Promise<AgentStatus>;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createAdmin(parts: AdminParts): (request: Request) => Promise<Response> {
  const { approvals, approvers, book, challenges, clock } = parts;
  const person = async (nonce: string, decision: Decision) =>
    approvers.byUser(await challenges.redeem(nonce, decision));

  const app = new Hono();
  app.get("/health", (context) => context.json({ parts: parts.health.parts() }));
  app.get("/status", async (context) => context.json(await parts.status()));
  app.get(
    "/executions",
    async (context) => context.json(await listExecutions(book, context.req.query())),
  );
  app.get(
    "/executions/:id",
    async (context) => context.json(describe(await book.get(context.req.param("id")))),
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
  app.post("/challenges", async (context) => context.json(await challenges.issue()));
  app.post("/executions/:id/approve", async (context) => {
    const executionId = context.req.param("id");
    const body = await readJson(context.req.raw, ApproveRequest, MAX_BODY_BYTES, clock);
    const { planDigest } = body;
    const who = await person(body.nonce, { decision: "approve", executionId, planDigest });
    return context.json(describe(await approvals.approve(executionId, planDigest, who)));
  });
  app.post("/executions/:id/reject", async (context) => {
    const executionId = context.req.param("id");
    const body = await readJson(context.req.raw, RejectRequest, MAX_BODY_BYTES, clock);
    const { reason } = body;
    const who = await person(body.nonce, { decision: "reject", executionId, reason });
    return context.json(describe(await approvals.reject(executionId, who, reason)));
  });
  app.post("/executions/:id/approval-document", async (context) => {
    const body = await readJson(context.req.raw, DocumentRequest, MAX_BODY_BYTES, clock);
    const record = await book.get(context.req.param("id"));
    const document = prepareDocument(record, body, clock.now());
    if (document && record.state === "pending_approval") return context.json(document);
    throw new RefusedError("not_approvable", `${record.id} is ${record.state}: ${record.reason}`, {
      hint: "only an execution in state pending_approval can be approved or rejected",
    });
  });
  app.post("/executions/:id/approvals", async (context) => {
    const raw = context.req.raw;
    const body = await readJson(raw, SignedApprovalRequest, MAX_APPROVAL_BODY_BYTES, clock);
    const delivery = { document: decodeBytes("document", body.document), bundle: body.bundle };
    return context.json(describe(await approvals.takeSigned(delivery, context.req.param("id"))));
  });
  answerErrors(app, parts.log);
  return async (request) => await app.fetch(request);
}
