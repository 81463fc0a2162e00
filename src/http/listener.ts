/** The inbound side over TLS: the Orchestrator's push, status for it, probes and metrics for the cluster. */
import { Hono } from "hono";
import { decodeBase64 } from "../core/encoding.ts";
import type { HealthBoard } from "../core/health.ts";
import {
  bundlesOf,
  ExecuteRequest,
  type ExecuteResponse,
  MAX_APPROVAL_BODY_BYTES,
  MAX_EXECUTE_BODY_BYTES,
  SignedApprovalRequest,
} from "../core/protocol.ts";
import type { Liveness } from "../core/liveness.ts";
import type { ClusterIdentity } from "../core/session.ts";
import { InvalidInputError } from "../errors.ts";
import type { Approvals } from "../execution/approvals.ts";
import type { ExecutionBook } from "../execution/book.ts";
import type { Intake } from "../execution/intake.ts";
import { assertLeader, type Leadership } from "../execution/leadership.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import { listExecutions } from "./execution_list.ts";
import { describe } from "./execution_view.ts";
import { readJson } from "./json_body.ts";
import { checkOrchestrator } from "./orchestrator_auth.ts";
import { answerErrors } from "./answer_errors.ts";

export interface ListenerParts {
  readonly intake: Intake;
  readonly book: ExecutionBook;
  readonly approvals: Approvals;
  readonly identity: () => ClusterIdentity | null;
  readonly leadership: Leadership;
  readonly health: HealthBoard;
  readonly liveness: Liveness;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Parts without which the process cannot do its work; the rest may be degraded and still be ready. */
const NEEDED_FOR_READY = ["registration", "audit"];
/** A standby's work is to wait for its turn. */
const NEEDED_TO_STAND_BY = ["leadership", "audit"];

export function createListener(parts: ListenerParts): (request: Request) => Promise<Response> {
  const app = new Hono();

  app.get("/livez", async (context) => {
    const stuck = await parts.liveness();
    return stuck === null ? context.text("ok") : context.text(`stuck: ${stuck}`, 503);
  });
  app.get("/readyz", (context) => {
    const needed = parts.leadership.isLeader() ? NEEDED_FOR_READY : NEEDED_TO_STAND_BY;
    const missing = needed.filter((name) => parts.health.get(name)?.state !== "ok");
    return missing.length === 0
      ? context.text("ok")
      : context.text(`not ready: ${missing.join(", ")}`, 503);
  });
  app.get("/metrics", async (context) => {
    for (const { name, state } of parts.health.parts()) {
      parts.metrics.partUp.set({ part: name }, state === "ok" ? 1 : 0);
    }
    parts.metrics.isLeader.set(parts.leadership.isLeader() ? 1 : 0);
    return context.body(await parts.metrics.text(), 200, {
      "content-type": parts.metrics.contentType,
    });
  });

  // Before the token is looked at: a standby need never have learnt whose tokens count.
  app.use("/execute", async (_context, next) => {
    assertLeader(parts.leadership);
    await next();
  });
  for (const path of ["/execute", "/executions", "/executions/*", "/healthz"]) {
    app.use(path, async (context, next) => {
      if (!parts.identity()) assertLeader(parts.leadership);
      await checkOrchestrator(context.req.raw, parts.identity(), parts.clock);
      await next();
    });
  }
  app.get("/healthz", (context) => context.json({ parts: parts.health.parts() }));
  app.post("/execute", async (context) => {
    const body = await readJson(
      context.req.raw,
      ExecuteRequest,
      MAX_EXECUTE_BODY_BYTES,
      parts.clock,
    );
    const record = await parts.intake.receive({
      payload: decodeBytes("payload", body.payload),
      bundles: bundlesOf(body),
      source: "push",
    });
    const answer: ExecuteResponse = {
      executionId: record.id,
      digest: record.digest,
      state: record.state,
      reason: record.reason,
    };
    return context.json(answer, 202);
  });
  app.get(
    "/executions",
    async (context) => context.json(await listExecutions(parts.book, context.req.query())),
  );
  app.get(
    "/executions/:id",
    async (context) => context.json(describe(await parts.book.get(context.req.param("id")))),
  );
  app.post("/executions/:id/approvals", async (context) => {
    const body = await readJson(
      context.req.raw,
      SignedApprovalRequest,
      MAX_APPROVAL_BODY_BYTES,
      parts.clock,
    );
    const delivery = { document: decodeBytes("document", body.document), bundle: body.bundle };
    return context.json(
      describe(await parts.approvals.takeSigned(delivery, context.req.param("id"))),
    );
  });

  answerErrors(app, parts.log);
  return async (request) => await app.fetch(request);
}

/** @param name of the field, for the message */
export function decodeBytes(name: string, base64: string): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64(base64);
  } catch (error) {
    throw new InvalidInputError("malformed_request", `${name} is not standard base64`, {
      cause: error,
    });
  }
}
