/** GET /executions, the same for the Orchestrator and for people: a bounded part of the journal. */
import * as z from "zod";
import { ExecutionStateSchema } from "../core/protocol.ts";
import { describeIssues } from "../core/schema_problem.ts";
import { InvalidInputError } from "../errors.ts";
import type { ExecutionBook } from "../execution/book.ts";
import { summarize } from "./execution_view.ts";

export const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 1000;

export const ListQuery = z.strictObject({
  limit: z.string().regex(/^\d{1,4}$/).transform(Number).pipe(z.int().min(1).max(MAX_LIMIT))
    .default(DEFAULT_LIMIT),
  state: ExecutionStateSchema.optional(),
});

/**
 * The newest, oldest of them first; `hasMore` says whether there are older ones.
 * Throws InvalidInputError `malformed_request`.
 */
export async function listExecutions(book: ExecutionBook, query: Record<string, string>) {
  const parsed = ListQuery.safeParse(query);
  if (!parsed.success) {
    const issues = describeIssues(parsed.error, query, ListQuery).join("; ");
    throw new InvalidInputError("malformed_request", `The query is not valid: ${issues}`, {
      hint: `limit is 1 to ${MAX_LIMIT}, state one of the states in docs/wpk-format.md`,
    });
  }
  const { limit, state } = parsed.data;
  const { records, hasMore } = await book.list({
    limit,
    ...(state === undefined ? {} : { state }),
  });
  return { executions: records.toReversed().map(summarize), hasMore };
}

export type ExecutionListing = Awaited<ReturnType<typeof listExecutions>>;
