import assert from "node:assert/strict";
import { toObject } from "../../../src/adapters/kubernetes/journal/execution_object.ts";
import { isSealed, sealRecord } from "../../../src/core/execution_seal.ts";
import type { KubeObject } from "../../../src/embedded/kubernetes/json.ts";
import { journalOn, PACK, sealedRecord } from "../../fakes/kubernetes_journal.ts";
import { leadingWhile } from "../../fakes/leadership.ts";
import { losingAnswer, planOf, refuses, withJournal, WPX } from "./journal_fixture.ts";

Deno.test("an execution's object reads as people expect it, and holds the record as it was sealed", () =>
  withJournal(async ({ kubernetes }, { journal, key }) => {
    const record = await sealedRecord(key, {
      state: "pending_approval",
      plan: planOf("5"),
      approvals: [{
        approver: "alice",
        means: "uid 1000",
        planDigest: "sha256:2",
        atMs: 0,
        signed: null,
        signature: "s",
      }],
    });
    const created = await journal.create(record, PACK);
    assert.equal(await journal.create(record, PACK), null, "the API server refuses a second one");
    const object = kubernetes.store.get(...WPX, record.id)!;
    const { metadata, verbatim, term, ...rest } = object as KubeObject & Record<string, unknown>;
    assert.deepEqual(metadata.labels, {
      "neuralops.io/open": "true",
      "neuralops.io/state": "pending_approval",
      "neuralops.io/stream": "shop",
      "neuralops.io/sequence": "1",
    });
    assert.ok(term);
    assert.deepEqual(rest, {
      apiVersion: "neuralops.io/v1",
      kind: "WorkPackageExecution",
      leader: "a_1",
      sealedBy: key.id,
      spec: {
        digest: record.digest,
        name: "configure",
        stream: "shop",
        sequence: 1,
        risk: "low",
        signer: "release",
        purpose: "INC-2231",
        source: "push",
        clusterId: "c-test",
        receivedAt: "2026-09-21T14:13:20.001Z",
        expiresAt: "2026-09-21T14:23:20.000Z",
      },
      status: {
        state: "pending_approval",
        since: "2026-09-21T14:13:20.000Z",
        reason: record.reason,
        applied: 0,
        planDigest: record.plan!.digest,
        plan: [{
          action: "apply",
          verb: "change",
          object: "apps/v1/Deployment shop/web",
          changes: ['spec.replicas: 2 → "5"', "spec.paused: none → true"],
          warnings: ["old"],
        }],
        approvals: [{
          approver: "alice (uid 1000)",
          at: "1970-01-01T00:00:00.000Z",
          planDigest: "sha256:2",
        }],
      },
    });
    assert.equal(verbatim, toObject(record, { leader: "", term: "", sealedBy: "" }).verbatim);
    const found = await journal.find(record.id);
    assert.deepEqual(found, created);
    assert.ok(await isSealed(found!, key));
    assert.deepEqual(await journal.package(record.id), PACK);
    assert.equal(await journal.find("wpx-none"), null);
  }));

// deno-lint-ignore no-explicit-any -- edits of JSON of any shape
type Any = any;

const EDITS: Record<string, (object: Any) => void> = {
  "status.state": (object) => object.status.state = "succeeded",
  "status.reason": (object) => object.status.reason = "nothing to see",
  "status.plan": (object) => object.status.plan = [],
  "spec.sequence": (object) => object.spec.sequence = 9,
  "spec.signer": (object) => delete object.spec.signer,
  "label neuralops.io/state": (object) => object.metadata.labels["neuralops.io/state"] = "failed",
  "annotation neuralops.io/since-ms": (object) =>
    delete object.metadata.annotations["neuralops.io/since-ms"],
  "verbatim": (object) => object.verbatim = ` ${object.verbatim}`,
};

for (const [where, edit] of Object.entries(EDITS)) {
  Deno.test(`an object whose ${where} is not what the record says is state_damaged`, () =>
    withJournal(async ({ kubernetes, api }, { journal, key }) => {
      const record = await sealedRecord(key, { plan: planOf("5") });
      await journal.create(record, PACK);
      const object = kubernetes.store.get(...WPX, record.id)!;
      edit(object);
      kubernetes.store.put(object, "someone");
      await refuses(journal.find(record.id), "state_damaged", where);
      await refuses(journalOn(api).journal.open(), "state_damaged", where);
    }));
}

Deno.test("the next leader claims what is open, and one of an earlier term writes no more", () =>
  withJournal(async ({ api, kubernetes }, first) => {
    const record = await sealedRecord(first.key);
    const stored = (await first.journal.create(record, PACK))!;
    const second = journalOn(api, { identity: "b_2" });
    const { open, heads } = await second.journal.open();
    assert.deepEqual(open.map(({ version: _version, ...rest }) => rest), [
      (({ version: _version, ...rest }) => rest)(stored),
    ]);
    assert.deepEqual(heads, new Map([["shop", { sequence: 1, id: record.id }]]));
    assert.equal(kubernetes.store.get(...WPX, record.id)!["leader"], "b_2");
    const rejected = await sealRecord({ ...stored, state: "cancelled" }, first.key);
    await refuses(first.journal.replace(rejected), "not_leader");
    const approved = await sealRecord({ ...open[0]!, state: "approved" }, second.key);
    assert.equal((await second.journal.replace(approved)).state, "approved");
    // The same process in another term is another leader as well.
    const again = journalOn(api, { identity: "b_2" });
    await again.journal.open();
    await refuses(second.journal.replace((await second.journal.find(record.id))!), "not_leader");
  }));

Deno.test("a leader whose term is over reads, and writes nothing", () =>
  withJournal(async ({ api }) => {
    let leads = true;
    const { journal, key } = journalOn(api, { leadership: leadingWhile(() => leads, "b") });
    await journal.open();
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    leads = false;
    await refuses(journal.replace(stored), "not_leader", "b leads");
    const other = await sealedRecord(key, { sequence: 2 });
    await refuses(journal.create(other, PACK), "not_leader");
    assert.equal(await journal.find(other.id), null);
    await refuses(journal.open(), "not_leader");
  }));

Deno.test("annotations and labels of others survive, and take nobody's lead away", () =>
  withJournal(async ({ kubernetes }, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key), PACK))!;
    const object = kubernetes.store.get(...WPX, stored.id)!;
    Object.assign(object.metadata.annotations!, { "neuralops.io/approve": "sha256:1" });
    Object.assign(object.metadata.labels!, { team: "shop" });
    kubernetes.store.put(object, "kubectl");
    const approved = await journal.replace(await sealRecord({ ...stored, state: "approved" }, key));
    assert.deepEqual(await journal.find(stored.id), approved);
    const { annotations, labels } = kubernetes.store.get(...WPX, stored.id)!.metadata;
    assert.equal(annotations!["neuralops.io/approve"], "sha256:1");
    assert.equal(labels!["team"], "shop");
  }));

Deno.test("a write without an answer is written again, and never taken for another leader's", () =>
  withJournal(async ({ api }) => {
    let lost = "";
    const { journal, key } = journalOn(losingAnswer(api, (method) => method === lost));
    await journal.open();
    const record = await sealedRecord(key);
    lost = "POST";
    await refuses(journal.create(record, PACK), "timeout");
    assert.equal(await journal.find(record.id), null, "nobody was told that it is there");
    lost = "";
    const stored = (await journal.create(await sealedRecord(key, { auditSequence: 8 }), PACK))!;
    assert.equal((await journal.find(record.id))!.auditSequence, 8);
    lost = "PATCH";
    const approved = await sealRecord({ ...stored, state: "approved", sinceMs: 1 }, key);
    await refuses(journal.replace(approved), "timeout");
    lost = "";
    const again = await sealRecord({ ...stored, state: "approved", sinceMs: 2 }, key);
    assert.equal((await journal.replace(again)).sinceMs, 2);
    assert.deepEqual(await journal.list({ limit: 5 }), {
      records: [await journal.find(record.id)],
      hasMore: false,
    });
  }));
