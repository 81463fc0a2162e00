import assert from "node:assert/strict";
import { createAdmin } from "../../src/http/admin.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import {
  applyAction,
  deployment,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { expectProblem } from "../fakes/expect_problem.ts";

interface AdminFixture {
  readonly stand: Stand;
  readonly lines: readonly string[];
  call(method: string, path: string, body?: unknown): Promise<Response>;
  /** A package that waits for a person: its id and its plan's digest. */
  pending(): Promise<{ id: string; planDigest: string }>;
}

async function withAdmin(work: (fixture: AdminFixture) => Promise<void>): Promise<void> {
  const ground = await layGround();
  const stand = (await Stand.open(ground)).start();
  const { clock } = ground.runtime;
  const lines: string[] = [];
  const log = new JsonLogger(clock, (line) => lines.push(line), "debug", new SecretMask());
  const { book, approvals, receipts, publicKey, health } = stand;
  const handle = createAdmin({ book, approvals, receipts, publicKey, health, clock, log });
  try {
    await work({
      stand,
      lines,
      call: (method, path, body) =>
        handle(
          new Request(`http://connector${path}`, {
            method,
            ...(body === undefined
              ? {}
              : { body: typeof body === "string" ? body : JSON.stringify(body) }),
          }),
        ),
      async pending() {
        const actions = applyAction(deployment("web", "web:1"));
        const { id } = await send(stand, ground, packageOf({ actions }));
        const { plan } = await stand.until(id, "pending_approval");
        return { id, planDigest: plan!.digest };
      },
    });
  } finally {
    await stand.kill();
    await ground.close();
  }
}

Deno.test("admin lists and shows executions with their plans, and the health of every part", () =>
  withAdmin(async ({ call, pending }) => {
    const { id, planDigest } = await pending();
    const { executions } = await (await call("GET", "/executions")).json();
    assert.deepEqual(executions.map((one: { id: string; state: string }) => [one.id, one.state]), [
      [id, "pending_approval"],
    ]);
    const shown = await (await call("GET", `/executions/${id}`)).json();
    assert.equal(shown.plan.digest, planDigest);
    const { parts } = await (await call("GET", "/health")).json();
    assert.ok(parts.some(({ name }: { name: string }) => name === "executions"));
  }));

Deno.test("admin lists as many executions as it is asked for, and refuses what it cannot read", () =>
  withAdmin(async ({ call, pending }) => {
    const { id } = await pending();
    const ask = async (query: string) => await (await call("GET", `/executions?${query}`)).json();
    for (
      const query of ["limit=1", "state=pending_approval", "limit=1000&state=pending_approval"]
    ) {
      const { executions, hasMore } = await ask(query);
      assert.deepEqual([executions[0].id, executions.length, hasMore], [id, 1, false], query);
    }
    assert.deepEqual(await ask("state=failed"), { executions: [], hasMore: false });
    for (const query of ["limit=0", "limit=1001", "limit=1e3", "limit=", "state=done", "sort=id"]) {
      await expectProblem(await call("GET", `/executions?${query}`), 400, "malformed_request");
    }
  }));

Deno.test("admin approves exactly the plan that is named, in the person's name", () =>
  withAdmin(async ({ call, pending, stand }) => {
    const { id, planDigest } = await pending();
    const path = `/executions/${id}/approve`;
    const other = await call("POST", path, { planDigest: "sha256:other", approver: "alice" });
    await expectProblem(other, 409, "approval_mismatch");
    const approved = await call("POST", path, { planDigest, approver: "alice" });
    assert.equal(approved.status, 200);
    assert.equal((await approved.json()).approvals[0].approver, "socket:alice");
    await stand.until(id, "succeeded");
    await expectProblem(
      await call("POST", path, { planDigest, approver: "alice" }),
      409,
      "not_approvable",
    );
  }));

Deno.test("admin rejects with a reason", () =>
  withAdmin(async ({ call, pending }) => {
    const { id } = await pending();
    const body = { approver: "bob", reason: "not during the sale" };
    const rejected = await (await call("POST", `/executions/${id}/reject`, body)).json();
    assert.equal(rejected.state, "cancelled");
    assert.match(rejected.reason, /rejected by socket:bob: not during the sale/);
  }));

Deno.test("admin answers every mistake with a problem document", () =>
  withAdmin(async ({ call, stand, lines }) => {
    await expectProblem(await call("GET", "/nothing"), 404, "not_found");
    await expectProblem(await call("GET", "/executions/wpx-1"), 404, "not_found");
    await expectProblem(await call("DELETE", "/executions"), 404, "not_found");
    const path = "/executions/wpx-1/approve";
    for (
      const body of [
        "{",
        {},
        { planDigest: "x", approver: "" },
        { planDigest: "x", approver: "a\nb" },
        { planDigest: "x", approver: "socket:root" },
        { planDigest: "x", approver: "alice", force: true },
      ]
    ) await expectProblem(await call("POST", path, body), 400, "malformed_request");
    await expectProblem(await call("POST", path, "x".repeat(20_000)), 413, "too_large");
    stand.book.list = () => {
      throw new RangeError("inner detail");
    };
    await expectProblem(await call("GET", "/executions"), 500, "internal");
    assert.match(lines.join("\n"), /RangeError: inner detail/);
  }));
