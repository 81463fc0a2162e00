import assert from "node:assert/strict";
import { type AnnotatedDecision, DECISION } from "../../src/core/annotated_decision.ts";
import { Approvers } from "../../src/core/approver.ts";
import type { AuditEntry } from "../../src/core/audit.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { HealthBoard } from "../../src/core/health.ts";
import { ConnectorError, RefusedError, TransientError } from "../../src/errors.ts";
import { runAnnotations } from "../../src/loops/annotations.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const ID = "wpx-1";
const PLAN = `sha256:${"a".repeat(64)}`;
const UNPROVEN = new RefusedError("approver_unproven", "the API server would have taken it");

/** The loop over a cluster that is said to be so, one look at a time. */
const approvers = await Approvers.of([
  { kind: "kubernetes", name: "alice", kubernetesUser: "alice@example.com" },
], 0);

class World {
  readonly clock = new FakeClock();
  readonly health = new HealthBoard(() => this.clock.now());
  readonly audited: AuditEntry[] = [];
  readonly answers: string[] = [];
  readonly taken: unknown[][] = [];
  decisions: AnnotatedDecision[] = [];
  open: Pick<ExecutionRecord, "id">[] = [{ id: ID }];
  guard: ConnectorError | null = null;
  refusal: ConnectorError | null = null;
  /** Tells the loop that an execution has moved. */
  move = () => {};
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;

  constructor() {
    const take = (...said: unknown[]) => {
      if (this.refusal) return Promise.reject(this.refusal);
      this.taken.push(said);
      return Promise.resolve({ reason: "as said" } as ExecutionRecord);
    };
    this.#running = runAnnotations({
      annotations: {
        list: () => Promise.resolve([...this.decisions]),
        assertGuarded: () => this.guard ? Promise.reject(this.guard) : Promise.resolve(),
        answer: (decision, text) => {
          this.answers.push(text);
          this.decisions = this.decisions.filter((one) => one !== decision);
          if (this.keep) this.decisions.push({ ...decision, atMs: decision.atMs! + 1000 });
          if (this.rewrite) this.write();
          this.rewrite = false;
          return Promise.resolve(!this.keep);
        },
      },
      approvals: { approve: take, reject: take },
      approvers: approvers,
      book: this,
      audit: {
        record: (entry) => {
          this.audited.push(entry);
          return Promise.resolve({ sequence: 1, hash: "" });
        },
      },
      clock: this.clock,
      health: this.health,
      logger: { log: () => {} },
    }, this.#abort.signal);
  }

  get openCount(): number {
    return this.open.length;
  }

  listOpen(): ExecutionRecord[] {
    return this.open as ExecutionRecord[];
  }

  /** No answer gets through, and the decision stays there, under another time. */
  keep = false;
  /** The first answer finds somebody who writes the decision again at once. */
  rewrite = false;

  onMove(listener: () => void): () => void {
    this.move = listener;
    return () => {};
  }

  write(annotations: Record<string, string> = {}): void {
    const own = { [DECISION.approve]: PLAN, [DECISION.approveAs]: "alice@example.com" };
    const whole = Object.keys(annotations).length > 0 ? annotations : own;
    this.decisions.push({ executionId: ID, annotations: whole, atMs: 1000 });
  }

  async look(): Promise<void> {
    await this.clock.whenSleeping(1);
    this.clock.advance(1500);
    await this.clock.whenSleeping(1);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}

async function withWorld(work: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await world.clock.whenSleeping(1);
    await work(world);
  } finally {
    await world.end();
  }
}

Deno.test("a decision that is written under guard is taken, once, as of when it was written", () =>
  withWorld(async (world) => {
    world.write();
    await world.look();
    await world.look();
    const alice = { name: "alice", means: "kubernetes alice@example.com" };
    assert.deepEqual(world.taken, [[ID, PLAN, alice, 1000]]);
    assert.deepEqual(world.answers, ["taken: as said"]);
    world.write({ [DECISION.reject]: "no", [DECISION.approveAs]: "alice@example.com" });
    await world.look();
    assert.deepEqual(world.taken[1], [ID, alice, "no"]);
    assert.equal(world.health.get("approvals")?.state, "ok");
    assert.deepEqual(world.audited, []);
  }));

Deno.test("without a guard no decision is believed, and health says what to do", () =>
  withWorld(async (world) => {
    world.guard = UNPROVEN;
    world.write();
    await world.look();
    assert.deepEqual(world.taken, []);
    assert.match(world.answers[0]!, /^refused: approver_unproven: the API server would have/);
    assert.equal(world.health.get("approvals")?.state, "stalled");
    assert.deepEqual(world.audited, [{
      type: "approval.refused",
      actor: "connector",
      subject: ID,
      data: {
        approveAs: "alice@example.com",
        code: "approver_unproven",
        reason: "the API server would have taken it",
      },
    }]);
  }));

Deno.test("a decision from before the guard, or from before the first look, is to be written again", () =>
  withWorld(async (world) => {
    world.guard = UNPROVEN;
    await world.look();
    world.write();
    world.guard = null;
    await world.look();
    world.open = [];
    await world.look();
    world.open = [{ id: ID }];
    world.write();
    await world.look();
    assert.deepEqual(world.taken, []);
    assert.equal(world.answers.length, 2);
    for (const answer of world.answers) assert.match(answer, /before .* \(write it again\)$/);
  }));

Deno.test("a decision from before the guard does not become a new one by a change of its time", () =>
  withWorld(async (world) => {
    world.guard = UNPROVEN;
    world.write();
    world.keep = true;
    await world.look();
    world.guard = null;
    for (let looks = 0; looks < 3; looks += 1) await world.look();
    assert.equal(world.answers.length, 4);
    assert.deepEqual(world.taken, []);
  }));

Deno.test("a decision that is written again right after the answer to do so is taken", () =>
  withWorld(async (world) => {
    world.guard = UNPROVEN;
    world.write();
    await world.look();
    world.guard = null;
    world.write();
    world.rewrite = true;
    await world.look();
    assert.match(world.answers[1]!, /write it again/);
    await world.look();
    assert.equal(world.taken.length, 1);
  }));

Deno.test("what the API server did not answer for is no guard", () =>
  withWorld(async (world) => {
    world.guard = new TransientError("unavailable", "no answer");
    world.write();
    await world.look();
    assert.equal(world.health.get("approvals")?.state, "degraded");
    assert.deepEqual(world.answers, []);
    world.guard = null;
    await world.look();
    assert.match(world.answers[0]!, /write it again/);
    assert.deepEqual(world.taken, []);
  }));

Deno.test("a decision that nobody could put on record, or not as a leader, is taken at the next look", () =>
  withWorld(async (world) => {
    for (const code of ["audit_unavailable", "not_leader"] as const) {
      world.refusal = new RefusedError(code, "not now");
      world.write();
      await world.look();
      assert.deepEqual([world.answers, world.taken], [[], []]);
      assert.equal(world.health.get("approvals")?.state, "degraded");
      world.refusal = null;
      await world.look();
      assert.equal(world.taken.splice(0).length, 1);
      assert.deepEqual(world.answers.splice(0), ["taken: as said"]);
    }
  }));

Deno.test("a decision by nobody whom the connector knows, or without sense, is refused on record", () =>
  withWorld(async (world) => {
    world.write({ [DECISION.approve]: PLAN, [DECISION.approveAs]: "bob" });
    await world.look();
    world.write({ [DECISION.approveAs]: "alice@example.com" });
    await world.look();
    world.refusal = new RefusedError("approval_mismatch", "another plan");
    world.write();
    await world.look();
    assert.deepEqual(world.audited.map(({ data }) => data["code"]), [
      "not_an_approver",
      "malformed_approval",
      "approval_mismatch",
    ]);
    assert.deepEqual(world.answers.map((answer) => answer.split(":")[0]), [
      "refused",
      "refused",
      "refused",
    ]);
  }));

Deno.test("the first look comes with the first execution", () =>
  withWorld(async (world) => {
    world.open = [];
    await world.look();
    world.open = [{ id: ID }];
    world.move();
    await world.clock.whenSleeping(1);
    await Promise.resolve();
    world.write();
    await world.look();
    assert.deepEqual(world.answers, ["taken: as said"]);
  }));
