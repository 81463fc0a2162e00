/** Decisions as annotations on an embedded API server, which a hook has hold the names as the shipped policy does. */
import assert from "node:assert/strict";
import { KubernetesAnnotations } from "../../../src/adapters/kubernetes/journal/annotations.ts";
import { JournalStore } from "../../../src/adapters/kubernetes/journal/store.ts";
import { ANSWER, DECISION } from "../../../src/core/annotated_decision.ts";
import { withinTerm } from "../../../src/execution/fenced_cluster.ts";
import { alwaysLeader } from "../../../src/execution/leadership.ts";
import { guardNames } from "../../fakes/approval_policy.ts";
import type { ClusterFixture } from "../../fakes/kubernetes_cluster.ts";
import { NAMESPACE, PACK, sealedRecord, settledFrom } from "../../fakes/kubernetes_journal.ts";
import { planOf, refuses, withJournal, WPX } from "./journal_fixture.ts";

interface Fixture extends ClusterFixture {
  readonly annotations: KubernetesAnnotations;
  /** Of an execution that waits for approval. */
  readonly id: string;
  annotate(annotations: Record<string, string | null>): Promise<void>;
  shown(): Readonly<Record<string, string>>;
  /** The connector writes the execution's record. */
  write(reason: string): Promise<void>;
  settle(): Promise<void>;
}

const APPROVE = { [DECISION.approve]: "sha256:1", [DECISION.approveAs]: "alice" };

function withPending(work: (fixture: Fixture) => Promise<void>): Promise<void> {
  return withJournal(async (cluster, { journal, key }) => {
    const { api, kubernetes } = cluster;
    const store = new JournalStore(api, {
      namespace: NAMESPACE,
      within: (write) => withinTerm(alwaysLeader, write),
    });
    const change = { state: "pending_approval", plan: planOf("5") } as const;
    let record = (await journal.create(await sealedRecord(key, change), PACK))!;
    const { id } = record;
    await work({
      ...cluster,
      annotations: new KubernetesAnnotations(store),
      id,
      async annotate(annotations) {
        await api.request({
          method: "PATCH",
          path: `/apis/neuralops.io/v1/namespaces/${NAMESPACE}/workpackageexecutions/${id}`,
          query: { fieldManager: "kubectl-annotate" },
          body: { metadata: { annotations } },
          contentType: "application/merge-patch+json",
          what: "annotate",
        });
      },
      shown: () => kubernetes.store.get(...WPX, id)!.metadata.annotations ?? {},
      async write(reason) {
        const sealed = await sealedRecord(key, { ...record, reason });
        record = await journal.replace({ ...sealed, version: record.version });
      },
      async settle() {
        await journal.replace({ ...await settledFrom(record, key), version: record.version });
      },
    });
  });
}

Deno.test("a decision is found on what is not settled, with the time at which it was taken", () =>
  withPending(async ({ annotations, annotate, id, settle }) => {
    assert.deepEqual(await annotations.list(), []);
    await annotate({ ...APPROVE, "example.com/own": "x" });
    const [decision, ...more] = await annotations.list();
    assert.deepEqual(more, []);
    assert.deepEqual([decision?.executionId, decision?.annotations], [id, APPROVE]);
    assert.ok(Math.abs(decision!.atMs! - Date.now()) < 600_000);
    await settle();
    assert.deepEqual(await annotations.list(), []);
  }));

Deno.test("an API server that takes a false name is no guard, and says what to install", () =>
  withPending(async ({ annotations, id, shown }) => {
    const before = shown();
    await refuses(
      annotations.assertGuarded(id),
      "approver_unproven",
      "would have taken it install the policy: kubectl apply -f docs/examples/approval-policy.yaml",
    );
    assert.deepEqual(shown(), before, "it was no more than a try");
  }));

Deno.test("an API server that refuses a false name is a guard, whatever stands there already", () =>
  withPending(async ({ annotations, annotate, id, kubernetes }) => {
    guardNames(kubernetes, "admin");
    await annotations.assertGuarded(id);
    kubernetes.hooks.admission = () => null;
    await annotate(APPROVE);
    guardNames(kubernetes, "admin");
    await annotations.assertGuarded(id);
    await refuses(annotations.assertGuarded("wpx-none"), "not_found");
  }));

Deno.test("a refusal for any other reason proves nothing about names", () =>
  withPending(async ({ annotations, id, kubernetes }) => {
    const words = [
      "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: a connector takes decisions",
      'admission webhook "x" denied the request: neuralops-approvals/v1: be someone',
      "quota exceeded",
    ];
    for (const message of words) {
      kubernetes.hooks.admission = () => ({
        code: 403,
        reason: "Forbidden",
        message: `workpackageexecutions.neuralops.io "${id}" is forbidden: ${message}`,
      });
      await refuses(annotations.assertGuarded(id), "approver_unproven", "for another reason");
    }
    kubernetes.hooks.admission = () => ({ code: 503, reason: "ServiceUnavailable", message: "x" });
    await refuses(annotations.assertGuarded(id), "unavailable");
  }));

Deno.test("an answer takes the decision's place, and the record goes on", () =>
  withPending(async ({ annotations, annotate, shown, write }) => {
    await annotate({ ...APPROVE, "example.com/own": "x" });
    const [decision] = await annotations.list();
    await write("somebody approved");
    await annotations.answer(decision!, "taken: approved");
    const { [ANSWER]: answer, ...rest } = shown();
    assert.equal(answer, "taken: approved");
    assert.equal(rest["example.com/own"], "x");
    for (const key of Object.values(DECISION)) assert.equal(rest[key], undefined);
    await write("and on");
    await annotations.answer(decision!, "taken twice");
    assert.equal(shown()[ANSWER], "taken: approved");
  }));

Deno.test("a decision that was changed meanwhile is left for the next look", () =>
  withPending(async ({ annotations, annotate, shown }) => {
    await annotate(APPROVE);
    const [decision] = await annotations.list();
    await annotate({ [DECISION.approve]: null, [DECISION.reject]: "no" });
    await annotations.answer(decision!, "taken");
    assert.equal(shown()[ANSWER], undefined);
    assert.equal(shown()[DECISION.reject], "no");
  }));
