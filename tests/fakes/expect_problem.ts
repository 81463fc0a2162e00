/** Whether an answer is an RFC 9457 problem document with this status and code. */
import assert from "node:assert/strict";
import { Problem } from "../../src/core/protocol.ts";

export async function expectProblem(
  response: Response,
  status: number,
  code: string,
): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = Problem.parse(await response.json());
  assert.deepEqual({ status: response.status, code: problem.code }, { status, code });
  assert.equal(problem.status, status);
  assert.ok(problem.detail.length > 0 && problem.title.length > 0 && problem.type.length > 0);
  return problem;
}
