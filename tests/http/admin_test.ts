import assert from "node:assert/strict";
import { type Decision, proofName } from "../../src/core/ownership_proof.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import {
  applyAction,
  deployment,
  layGround,
  OWN_UID,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { openAdmin } from "../fakes/open_admin.ts";
import { expectProblem } from "../fakes/expect_problem.ts";

interface AdminFixture {
  readonly stand: Stand;
  readonly lines: readonly string[];
  call(method: string, path: string, body?: unknown): Promise<Response>;
  /** As the command line does; returns the nonce. */
  prove(decision: Decision): Promise<string>;
  /** A package that waits for a person: its id and its plan's digest. */
  pending(): Promise<{ id: string; planDigest: string }>;
}

async function withAdmin(work: (fixture: AdminFixture) => Promise<void>): Promise<void> {
  const ground = await layGround();
  const stand = (await Stand.open(ground)).start();
  const { clock } = ground.runtime;
  const lines: string[] = [];
  const log = new JsonLogger(clock, (line) => lines.push(line), "debug", new SecretMask());
  const handle = await openAdmin(ground, stand, log);
  const call = (method: string, path: string, body?: unknown) =>
    handle(
      new Request(`http://connector${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  try {
    await work({
      stand,
      lines,
      call,
      async prove(decision) {
        const { nonce } = await (await call("POST", "/challenges")).json();
        await Deno.mkdir(`${stand.directory}/challenges/${proofName(nonce, decision)}`, {
          mode: 0o700,
        });
        return nonce;
      },
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

Deno.test("admin approves exactly the plan that is named, for whom the kernel names", () =>
  withAdmin(async ({ call, pending, prove, stand }) => {
    const { id, planDigest } = await pending();
    const path = `/executions/${id}/approve`;
    const approve = async (digest: string) => {
      const nonce = await prove({ decision: "approve", executionId: id, planDigest: digest });
      return await call("POST", path, { planDigest: digest, nonce });
    };
    await expectProblem(await approve("sha256:other"), 409, "approval_mismatch");
    const approved = await approve(planDigest);
    assert.equal(approved.status, 200);
    const [approval] = (await approved.json()).approvals;
    assert.deepEqual([approval.approver, approval.means], ["alice", `uid ${OWN_UID}`]);
    await stand.until(id, "succeeded");
    await expectProblem(await approve(planDigest), 409, "not_approvable");
  }));

Deno.test("admin takes a proof for the decision that it was made for, once, and for no other", () =>
  withAdmin(async ({ call, pending, prove, stand }) => {
    const { id, planDigest } = await pending();
    const path = `/executions/${id}`;
    const unproven = async (action: string, body: object) =>
      await expectProblem(await call("POST", `${path}/${action}`, body), 403, "approver_unproven");
    await unproven("approve", { planDigest, nonce: "0".repeat(32) });
    const { nonce } = await (await call("POST", "/challenges")).json();
    await unproven("approve", { planDigest, nonce });
    const other = await prove({ decision: "approve", executionId: id, planDigest: "sha256:x" });
    await unproven("approve", { planDigest, nonce: other });
    const rejection = await prove({ decision: "reject", executionId: id, reason: "no" });
    await unproven("approve", { planDigest, nonce: rejection });
    const good = await prove({ decision: "reject", executionId: id, reason: "no" });
    await unproven("reject", { reason: "yes", nonce: good });
    await unproven("reject", { reason: "no", nonce: good });
    assert.equal((await stand.book.get(id)).state, "pending_approval");
  }));

Deno.test("admin rejects with a reason", () =>
  withAdmin(async ({ call, pending, prove }) => {
    const { id } = await pending();
    const reason = "not during the sale";
    const nonce = await prove({ decision: "reject", executionId: id, reason });
    const answer = await call("POST", `/executions/${id}/reject`, { reason, nonce });
    const rejected = await answer.json();
    assert.equal(rejected.state, "cancelled");
    const said = `rejected by alice (uid ${OWN_UID}): not during the sale (salt `;
    assert.ok(rejected.reason.startsWith(said), rejected.reason);
  }));

Deno.test("admin prepares what is to be signed while it waits for approval, and not after", () =>
  withAdmin(async ({ call, pending, stand }) => {
    const { id, planDigest } = await pending();
    const path = `/executions/${id}/approval-document`;
    const body = { decision: "approve", reason: "" };
    const prepared = await (await call("POST", path, body)).json();
    assert.deepEqual([prepared.kind, prepared.planDigest], ["Approval", planDigest]);
    await stand.approvals.reject(id, stand.people.bob, "no");
    await expectProblem(await call("POST", path, body), 409, "not_approvable");
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
        { planDigest: "x", nonce: "" },
        { planDigest: "x", nonce: "../../../etc/passwd" },
        { planDigest: "x", nonce: "a".repeat(33) },
        { planDigest: "x", nonce: "a".repeat(32), approver: "alice" },
      ]
    ) await expectProblem(await call("POST", path, body), 400, "malformed_request");
    await expectProblem(await call("POST", path, "x".repeat(20_000)), 413, "too_large");
    stand.book.list = () => {
      throw new RangeError("inner detail");
    };
    await expectProblem(await call("GET", "/executions"), 500, "internal");
    assert.match(lines.join("\n"), /RangeError: inner detail/);
  }));
