/** Every failure of a route, and every path without one, becomes a problem document. */
import type { Hono } from "hono";
import { ConnectorError, RefusedError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { problemResponse } from "./problem.ts";

export function answerErrors(app: Hono, log: Logger): void {
  app.onError((error) => {
    if (!(error instanceof ConnectorError)) log.log("error", "request_failed", { reason: error });
    return problemResponse(error);
  });
  app.notFound(() => problemResponse(new RefusedError("not_found", "There is no such path")));
}
