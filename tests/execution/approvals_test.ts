/** How many persons, which persons, for how long; at the machine and by signature from elsewhere. */
import assert from "node:assert/strict";
import { type ApprovalDocument, prepareDocument } from "../../src/core/approval_document.ts";
import { Approvers, formatPerson } from "../../src/core/approver.ts";
import { isRedactionOf } from "../../src/core/audit/redaction.ts";
import { canonicalJson } from "../../src/core/canonical_json.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import {
  applyAction,
  configMap,
  type Ground,
  layGround,
  MANUAL_POLICY,
  OWN_UID,
  packageOf,
  readAudit,
  readReceipts,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { type SkippingClock, skippingClock } from "../fakes/skipping_clock.ts";

const ACTIONS = applyAction(configMap("c", { a: "1" }));
const TWO = `${MANUAL_POLICY}approval: { count: 2 }\n`;
const HOUR = 3_600_000;

interface Fixture {
  readonly stand: Stand;
  readonly ground: Ground;
  readonly signer: KeySigner;
  readonly clock: SkippingClock;
  pending(): Promise<ExecutionRecord>;
}

/** Dora approves by a key; so does Rita, whose key is the one that signs packages. */
async function withApprovers(policy: string, work: (fixture: Fixture) => Promise<void>) {
  const ground = await layGround({ rolloutMs: 1 });
  const signer = await createKeySigner();
  const clock = skippingClock();
  const keyOf = (name: string, publicKeyPem: string) =>
    ({ kind: "key", name, publicKeyPem, transparencyLog: "optional" }) as const;
  const stand = (await Stand.open(ground, {
    policy,
    clock,
    approvers: [
      keyOf("dora", signer.publicKeyPem),
      keyOf("rita", ground.signer.publicKeyPem),
      keyOf("alice", (await createKeySigner()).publicKeyPem),
      { kind: "user", name: "rita", uid: OWN_UID + 50 },
      { kind: "user", name: "release", uid: OWN_UID + 51 },
      { kind: "user", name: "dora", uid: OWN_UID + 52 },
      { kind: "kubernetes", name: "dora", kubernetesUser: "dora@example.com" },
      { kind: "kubernetes", name: "rita", kubernetesUser: "rita@example.com" },
    ],
  })).start();
  try {
    await work({
      stand,
      ground,
      signer,
      clock,
      async pending() {
        const { id } = await send(stand, ground, packageOf({ actions: ACTIONS }));
        return await stand.until(id, "pending_approval");
      },
    });
  } finally {
    await stand.kill();
    await ground.close();
  }
}

function documentOf(record: ExecutionRecord, changes: Partial<ApprovalDocument> = {}) {
  const decision = { decision: "approve", reason: "" } as const;
  return { ...prepareDocument(record, decision, Date.now())!, ...changes };
}

function signed(value: unknown, signer: KeySigner) {
  const document = encodeUtf8(canonicalJson(value));
  return { document, bundle: { ...signer.sign(document) } };
}

Deno.test("four eyes: it stays pending until a second person has approved, each on record", () =>
  withApprovers(TWO, async ({ stand, pending }) => {
    const { id, plan, reason } = await pending();
    assert.equal(reason, "2 persons must approve the plan");
    const { alice, bob } = stand.people;
    const first = await stand.approvals.approve(id, plan!.digest, alice);
    assert.equal(first.state, "pending_approval");
    assert.equal(first.reason, `approved by ${formatPerson(alice)}; 1 of 2`);
    await assert.rejects(stand.approvals.approve(id, plan!.digest, alice), {
      code: "already_approved",
    });
    const second = await stand.approvals.approve(id, plan!.digest, bob);
    assert.equal(second.state, "approved");
    await stand.until(id, "succeeded");
    const audited = (await readAudit(stand.directory)).filter(({ type }) =>
      type === "execution.approval"
    );
    assert.deepEqual(audited.map(({ actor }) => actor), [alice, bob].map(formatPerson));
    assert.deepEqual(audited.map(({ data }) => [data.planDigest, data.means]), [
      [plan!.digest, alice.means],
      [plan!.digest, bob.means],
    ]);
    const receipt = (await readReceipts(stand)).at(-1)!;
    assert.deepEqual(receipt.approvals.map(({ approver }) => approver), [
      formatPerson(alice),
      formatPerson(bob),
    ]);
  }));

Deno.test("two persons at once are two approvals", () =>
  withApprovers(TWO, async ({ stand, pending }) => {
    const { id, plan } = await pending();
    const { alice, bob } = stand.people;
    await Promise.all([alice, bob].map((one) => stand.approvals.approve(id, plan!.digest, one)));
    assert.equal((await stand.until(id, "succeeded")).approvals.length, 2);
  }));

Deno.test("one approval of two outlives the process that took it", () =>
  withApprovers(TWO, async ({ stand, ground, pending }) => {
    const { id, plan } = await pending();
    await stand.approvals.approve(id, plan!.digest, stand.people.alice);
    await stand.kill();
    const next = (await Stand.open(ground, { policy: TWO })).start();
    try {
      await next.approvals.approve(id, plan!.digest, next.people.bob);
      await next.until(id, "succeeded");
    } finally {
      await next.kill();
    }
  }));

Deno.test("one person by two means counts once", () =>
  withApprovers(TWO, async ({ stand, signer, pending }) => {
    const record = await pending();
    const dora = stand.approvers.byUser(OWN_UID + 52);
    await stand.approvals.approve(record.id, record.plan!.digest, dora);
    await assert.rejects(stand.approvals.takeSigned(signed(documentOf(record), signer)), {
      code: "already_approved",
    });
  }));

Deno.test("whoever signed the package cannot approve it: not by that key, another means, or that name", () =>
  withApprovers(MANUAL_POLICY, async ({ stand, ground, pending }) => {
    const record = await pending();
    const refused = { code: "approver_is_requester" };
    const delivery = signed(documentOf(record), ground.signer);
    await assert.rejects(stand.approvals.takeSigned(delivery), refused);
    for (const uid of [OWN_UID + 50, OWN_UID + 51]) {
      const person = stand.approvers.byUser(uid);
      const approving = stand.approvals.approve(record.id, record.plan!.digest, person);
      await assert.rejects(approving, refused);
    }
    assert.equal((await stand.book.get(record.id)).state, "pending_approval");
  }));

Deno.test("an approval that has lapsed does not count, and the next one says so", () =>
  withApprovers(`${TWO.replace("count: 2", "count: 2, validFor: 10m")}`, async (fixture) => {
    const { stand, clock, pending } = fixture;
    const { id, plan } = await pending();
    const { alice, bob } = stand.people;
    await stand.approvals.approve(id, plan!.digest, alice);
    clock.skip(11 * 60_000);
    const second = await stand.approvals.approve(id, plan!.digest, bob);
    assert.equal(second.reason, `approved by ${formatPerson(bob)}; 1 of 2`);
    const third = await stand.approvals.approve(id, plan!.digest, alice);
    assert.equal(third.state, "approved");
    await stand.until(id, "succeeded");
  }));

Deno.test("a change that waits for its window is begun when it opens, or asks again where the approval has lapsed", async () => {
  for (const validFor of ["10h", "10m"]) {
    const opens = new Date(Date.now() + 30 * 60_000).toISOString().slice(11, 16);
    const closes = new Date(Date.now() + 50 * 60_000).toISOString().slice(11, 16);
    const policy = MANUAL_POLICY.replace(
      "delete]\n",
      `delete]\n    windows: [{ from: "${opens}", to: "${closes}", timeZone: UTC }]\n`,
    ) + `approval: { validFor: ${validFor} }\n`;
    await withApprovers(policy, async ({ stand, clock, pending, ground }) => {
      const { id, plan } = await pending();
      await stand.approvals.approve(id, plan!.digest, stand.people.alice);
      await untilReason(
        stand,
        id,
        /^waits for a window of the policy, which opens at .*:00\.000Z$/,
      );
      assert.equal(ground.kubernetes.store.get("v1", "ConfigMap", "shop", "c"), null);
      clock.skip(31 * 60_000);
      const { state, reason } = await stand.until(id, "succeeded", "pending_approval");
      assert.equal(state, validFor === "10h" ? "succeeded" : "pending_approval");
      if (validFor === "10m") assert.match(reason, /none counts now; lapsed meanwhile: alice/);
    });
  }
});

Deno.test("a package that is never valid within a window is refused at once", () => {
  const from = new Date(Date.now() + 2 * HOUR).toISOString().slice(11, 16);
  const to = new Date(Date.now() + 3 * HOUR).toISOString().slice(11, 16);
  const policy = MANUAL_POLICY.replace(
    "delete]\n",
    `delete]\n    windows: [{ from: "${from}", to: "${to}", timeZone: UTC }]\n`,
  );
  return withApprovers(policy, async ({ stand, ground }) => {
    await assert.rejects(send(stand, ground, packageOf({ actions: ACTIONS })), {
      code: "policy_denied",
      message: /rule shop allows it, but not at this time/,
    });
  });
});

Deno.test("what may be changed but not created is refused once the plan says so", () =>
  withApprovers(
    MANUAL_POLICY.replace("delete]\n", "delete]\n    verbs: [change]\n"),
    async ({ stand, ground }) => {
      const { id } = await send(stand, ground, packageOf({ actions: ACTIONS }));
      const { code, reason } = await stand.until(id, "refused");
      assert.equal(code, "policy_denied");
      assert.match(reason, /but not to create/);
    },
  ));

Deno.test("a document that an approver signed approves, is kept, and brought again changes nothing", () =>
  withApprovers(MANUAL_POLICY, async ({ stand, signer, pending }) => {
    const record = await pending();
    const delivery = signed(documentOf(record), signer);
    const approved = await stand.approvals.takeSigned(delivery, record.id);
    assert.equal(approved.state, "approved");
    const [approval] = (await stand.until(record.id, "succeeded")).approvals;
    assert.match(
      formatPerson({ name: approval!.approver, means: approval!.means }),
      /^dora \(key sha256:/,
    );
    assert.equal(approval!.signed!.document, delivery.document.toBase64());
    assert.deepEqual(approval!.signed!.bundle, delivery.bundle);
    assert.equal((await stand.approvals.takeSigned(delivery)).state, "succeeded");
  }));

Deno.test("a document that an approver signed rejects, with the reason", () =>
  withApprovers(MANUAL_POLICY, async ({ stand, ground, signer, pending }) => {
    const record = await pending();
    const document = documentOf(record, { decision: "reject", reason: "not now" });
    const { state, reason } = await stand.approvals.takeSigned(signed(document, signer));
    assert.equal(state, "cancelled");
    assert.match(reason, /^rejected by dora \(key sha256:[0-9a-f]+\): not now \(salt [\w-]{22}\)$/);
    const audit = await readAudit(ground.directory);
    const { data } = audit.find(({ type }) => type === "execution.cancelled")!;
    assert.ok(isRedactionOf(data["reason"], reason), "the log has the hash of those words alone");
    assert.ok(!JSON.stringify(audit).includes("not now"));
  }));

const OTHER = `sha256:${"0".repeat(64)}`;
const iso = (inMs: number) => new Date(Date.now() + inMs).toISOString();
const BAD_DOCUMENTS: Record<string, [Record<string, unknown>, string]> = {
  "for another plan": [{ planDigest: OTHER }, "approval_mismatch"],
  "for another package": [{ packageDigest: OTHER }, "approval_wrong_package"],
  "for another cluster": [{ clusterId: "c-other" }, "wrong_target"],
  "that has expired": [{ expiresAt: iso(-1000) }, "expired"],
  "that outlasts its package": [{ expiresAt: iso(48 * HOUR) }, "expired"],
  "from the future": [{ issuedAt: iso(HOUR) }, "not_yet_valid"],
  "with a field more": [{ force: true }, "malformed_approval"],
  "of another kind": [{ kind: "WorkPackage" }, "malformed_approval"],
};

for (const [what, [changes, code]] of Object.entries(BAD_DOCUMENTS)) {
  Deno.test(`a signed approval ${what} is refused as ${code}`, () =>
    withApprovers(MANUAL_POLICY, async ({ stand, signer, pending }) => {
      const record = await pending();
      const delivery = signed({ ...documentOf(record), ...changes }, signer);
      await assert.rejects(stand.approvals.takeSigned(delivery, record.id), { code });
      assert.equal((await stand.book.get(record.id)).state, "pending_approval");
    }));
}

Deno.test("a signed approval is refused when anyone else signed it, or a byte differs", () =>
  withApprovers(MANUAL_POLICY, async ({ stand, signer, pending }) => {
    const record = await pending();
    const stranger = signed(documentOf(record), await createKeySigner());
    await assert.rejects(stand.approvals.takeSigned(stranger), { code: "unknown_signer" });
    const { document, bundle } = signed(documentOf(record), signer);
    document[20]! ^= 1;
    await assert.rejects(stand.approvals.takeSigned({ document, bundle }), {
      code: "bad_signature",
    });
    const loose = encodeUtf8(JSON.stringify(documentOf(record), null, 2));
    const delivery = { document: loose, bundle: { ...signer.sign(loose) } };
    await assert.rejects(stand.approvals.takeSigned(delivery), { code: "malformed_approval" });
  }));

Deno.test("an old document that is sent again does not make an approval new", () =>
  withApprovers(`${MANUAL_POLICY}approval: { validFor: 10m }\n`, async (fixture) => {
    const { stand, signer, clock, pending } = fixture;
    const delivery = signed(documentOf(await pending()), signer);
    clock.skip(11 * 60_000);
    await assert.rejects(stand.approvals.takeSigned(delivery), {
      code: "expired",
      message: /longer ago than the policy's approval\.validFor/,
    });
  }));

Deno.test("a user of the cluster approves, as of when they said so, and is looked at again before the change", () =>
  withApprovers(`${MANUAL_POLICY}approval: { validFor: 10m }\n`, async (fixture) => {
    const { stand, clock, pending } = fixture;
    const { id, plan } = await pending();
    const dora = stand.approvers.byKubernetesUser("dora@example.com");
    const longAgo = clock.now() - 11 * 60_000;
    await assert.rejects(stand.approvals.approve(id, plan!.digest, dora, longAgo), {
      code: "expired",
    });
    const rita = stand.approvers.byKubernetesUser("rita@example.com");
    await assert.rejects(stand.approvals.approve(id, plan!.digest, rita), {
      code: "approver_is_requester",
    });
    const atMs = clock.now() - 60_000;
    const { approvals } = await stand.approvals.approve(id, plan!.digest, dora, atMs);
    assert.deepEqual(approvals.map(({ approver, means, atMs }) => [approver, means, atMs]), [
      ["dora", "kubernetes dora@example.com", atMs],
    ]);
    await stand.until(id, "succeeded");
  }));

Deno.test("without a configured user root and the agent's own user approve, and nobody else", async () => {
  const approvers = await Approvers.of([], 4711);
  assert.equal(formatPerson(approvers.byUser(0)), "root (uid 0)");
  assert.equal(formatPerson(approvers.byUser(4711)), "uid-4711 (uid 4711)");
  assert.throws(() => approvers.byUser(1000), { code: "not_an_approver" });
  const named = await Approvers.of([{ kind: "user", name: "alice", uid: 1000 }], 4711);
  assert.equal(named.byUser(1000).name, "alice");
  for (const uid of [0, 4711]) assert.throws(() => named.byUser(uid), { code: "not_an_approver" });
});

Deno.test("one user or key under two names is refused", async () => {
  const { publicKeyPem } = await createKeySigner();
  const key = { kind: "key", publicKeyPem, transparencyLog: "optional" } as const;
  const twice = [
    [{ kind: "user", name: "a", uid: 1 }, { kind: "user", name: "b", uid: 1 }],
    [
      { kind: "kubernetes", name: "a", kubernetesUser: "u" },
      { kind: "kubernetes", name: "b", kubernetesUser: "u" },
    ],
    [{ ...key, name: "a" }, { ...key, name: "b" }],
  ] as const;
  for (const entries of twice) {
    await assert.rejects(Approvers.of(entries, 0), { code: "config_invalid" });
  }
});

async function untilReason(stand: Stand, id: string, wanted: RegExp): Promise<void> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = stand.book.onMove(resolve);
    try {
      if (wanted.test((await stand.book.get(id)).reason)) return;
      await promise;
    } finally {
      stop();
    }
  }
}
