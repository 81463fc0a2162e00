import assert from "node:assert/strict";
import fc from "fast-check";
import { nameBytes } from "../../src/execution/stages.ts";
import { MAX_PACKAGE_BYTES } from "../../src/core/protocol.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { ReplayedError } from "../../src/execution/intake.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { leadingWhile } from "../fakes/leadership.ts";
import {
  applyAction,
  AUTO_POLICY,
  configMap,
  type Ground,
  layGround,
  MANUAL_POLICY,
  packageOf,
  readAudit,
  readReceipts,
  recordsOf,
  send,
  Stand,
  type StandOptions,
} from "../fakes/execution_stand.ts";

type Bundle = Record<string, unknown>;

async function withStand(
  options: StandOptions,
  work: (stand: Stand, ground: Ground) => Promise<void>,
): Promise<void> {
  const ground = await layGround();
  const stand = await Stand.open(ground, options);
  try {
    await work(stand, ground);
  } finally {
    await stand.kill();
    await ground.close();
  }
}

const GOOD = applyAction(configMap("c", { a: "1" }));

function sign(ground: Ground, bytes: Uint8Array): Bundle {
  return ground.signer.sign(bytes) as unknown as Bundle;
}

function deliver(stand: Stand, payload: Uint8Array, bundle: Bundle) {
  return stand.intake.receive({ payload, bundles: [bundle], source: "push" });
}

/** Asserts the trace that every refusal leaves, and that nothing came of the package. */
async function assertRefused(
  stand: Stand,
  ground: Ground,
  { payload, bundle, code, recorded }: {
    payload: Uint8Array;
    bundle: Bundle;
    code: string;
    /** Whether the package was sound enough to get a record. */
    recorded: boolean;
  },
): Promise<void> {
  const { id, digest } = nameBytes(payload);
  const writesBefore = writesOf(ground);
  await assert.rejects(deliver(stand, payload, bundle), { code });

  const type = recorded ? "execution.refused" : "package.refused";
  const audited = (await readAudit(stand.directory)).findLast(({ subject }) => subject === id);
  assert.equal(audited?.type, type);
  assert.equal(audited.data.code, code);
  assert.equal(audited.data.digest, digest);

  const receipt = (await readReceipts(stand)).findLast((sent) => sent.executionId === id);
  assert.equal(receipt?.state, "refused");
  assert.equal(receipt.code, code);
  assert.equal(receipt.digest, digest);
  assert.equal(receipt.auditSequence, audited.seq);

  assert.equal((await stand.book.find(id))?.state, recorded ? "refused" : undefined);
  assert.match(
    await stand.metrics.text(),
    new RegExp(`neuralops_connector_refusals_total\\{code="${code}"\\} 1\\b`),
  );
  assert.equal(writesOf(ground), writesBefore, "the cluster was not touched");
}

function writesOf({ kubernetes }: Ground): number {
  const reads = ["get", "list", "watch"];
  return [...kubernetes.requests].filter(([verb]) => !reads.includes(verb))
    .reduce((sum, [, count]) => sum + count, 0);
}

interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly recorded: boolean;
  readonly policy?: string;
  make(ground: Ground):
    | { payload: Uint8Array; bundle: Bundle }
    | Promise<
      { payload: Uint8Array; bundle: Bundle }
    >;
}

function signed(ground: Ground, payload: Uint8Array) {
  return { payload, bundle: sign(ground, payload) };
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "bytes that are not those that were signed",
    code: "bad_signature",
    recorded: false,
    make(ground) {
      const payload = packageOf({ actions: GOOD });
      const bundle = sign(ground, payload);
      return { payload: packageOf({ actions: GOOD, risk: "high" }), bundle };
    },
  },
  {
    name: "an empty bundle",
    code: "missing_signature",
    recorded: false,
    make: () => ({ payload: packageOf({ actions: GOOD }), bundle: {} }),
  },
  {
    name: "a signer that is not trusted",
    code: "unknown_signer",
    recorded: false,
    async make() {
      const stranger = await createKeySigner();
      const payload = packageOf({ actions: GOOD });
      return { payload, bundle: stranger.sign(payload) as unknown as Bundle };
    },
  },
  {
    name: "a bundle with half a surrogate pair",
    code: "malformed_bundle",
    recorded: false,
    make(ground) {
      const payload = packageOf({ actions: GOOD });
      return { payload, bundle: { ...sign(ground, payload), note: "\ud800" } };
    },
  },
  {
    name: "another cluster's id",
    code: "wrong_target",
    recorded: true,
    make: (ground) =>
      signed(ground, packageOf({ actions: GOOD, target: "{ clusterIds: [c-other] }" })),
  },
  {
    name: "labels that this cluster does not have",
    code: "wrong_target",
    recorded: true,
    make: (ground) =>
      signed(ground, packageOf({ actions: GOOD, target: "{ matchLabels: { env: prod } }" })),
  },
  {
    name: "a time that has not come",
    code: "not_yet_valid",
    recorded: true,
    make: (ground) => signed(ground, packageOf({ actions: GOOD, notBefore: Date.now() + 60_000 })),
  },
  {
    name: "a time that has passed",
    code: "expired",
    recorded: true,
    make: (ground) => signed(ground, packageOf({ actions: GOOD, expiresAt: Date.now() - 1 })),
  },
  {
    name: "a kind that the policy does not allow",
    code: "policy_denied",
    recorded: true,
    make: (ground) =>
      signed(
        ground,
        packageOf({
          actions: applyAction(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: s, namespace: shop }",
          ),
        }),
      ),
  },
  {
    name: "more bytes than allowed",
    code: "too_large",
    recorded: false,
    make: (ground) => signed(ground, new Uint8Array(MAX_PACKAGE_BYTES + 1).fill(0x20)),
  },
  {
    name: "a field that the format does not have",
    code: "malformed_package",
    recorded: false,
    make: (ground) =>
      signed(ground, packageOf({ actions: GOOD, onFailure: "stop\n  force: true" })),
  },
  {
    name: "a text without a canonical form",
    code: "malformed_package",
    recorded: false,
    make: (ground) =>
      signed(ground, packageOf({ actions: applyAction(configMap("c", { a: "\ud800" })) })),
  },
  {
    name: "more objects than allowed",
    code: "too_many_objects",
    recorded: false,
    make(ground) {
      const documents = Array.from({ length: 101 }, (_, index) => configMap(`c-${index}`, {}));
      return signed(ground, packageOf({ actions: applyAction(documents.join("\n---\n")) }));
    },
  },
];

for (const { name, code, recorded, policy, make } of REFUSALS) {
  Deno.test(`a package with ${name} is refused as ${code}, on record`, () =>
    withStand({ policy: policy ?? AUTO_POLICY }, async (stand, ground) => {
      await assertRefused(stand, ground, { ...await make(ground), code, recorded });
    }));
}

Deno.test("a refusal's text is bounded, however much there is to say", () =>
  withStand({}, async (stand, ground) => {
    const wrong = Array.from({ length: 2000 }, (_, index) => `wrong${index}: 1`).join(", ");
    const payload = packageOf({ actions: GOOD, target: `{ ${wrong} }` });
    await assert.rejects(deliver(stand, payload, sign(ground, payload)), {
      code: "malformed_package",
    });
    const [receipt] = await readReceipts(stand);
    assert.ok(receipt!.reason.length <= 2001);
  }));

Deno.test("a sequence that is not newer is refused, and one that is newer accepted", () =>
  withStand({}, async (stand, ground) => {
    await send(stand, ground, packageOf({ actions: GOOD, stream: "s", sequence: 5 }));
    for (const sequence of [5, 4]) {
      const payload = packageOf({ actions: GOOD, stream: "s", sequence, risk: "medium" });
      await assert.rejects(deliver(stand, payload, sign(ground, payload)), {
        code: "sequence_not_newer",
      });
    }
    await send(stand, ground, packageOf({ actions: GOOD, stream: "s", sequence: 6 }));
    await send(stand, ground, packageOf({ actions: GOOD, stream: "other", sequence: 1 }));
  }));

Deno.test("a package that is open already is answered with its record, without a second one", () =>
  withStand({}, async (stand, ground) => {
    const payload = packageOf({ actions: GOOD });
    const first = await send(stand, ground, payload);
    const again = await Promise.all([1, 2, 3].map(() => send(stand, ground, payload)));
    assert.deepEqual(again, [first, first, first]);
    const accepted = (await readAudit(stand.directory))
      .filter(({ type }) => type === "execution.accepted");
    assert.equal(accepted.length, 1);
  }));

Deno.test("a package that has ended is refused as replayed, with its state, also after a restart", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    const payload = packageOf({ actions: GOOD });
    const { id } = await send(stand.start(), ground, payload);
    await stand.until(id, "succeeded");
    await stand.kill();
    const next = await Stand.open(ground, { policy: AUTO_POLICY });
    try {
      const writes = writesOf(ground);
      await assert.rejects(
        send(next, ground, payload),
        (error) =>
          error instanceof ReplayedError && error.code === "replayed" &&
          error.record.state === "succeeded",
      );
      assert.equal((await next.book.get(id)).state, "succeeded");
      assert.equal(writesOf(ground), writes);
      const receipts = (await readReceipts(next)).map(({ state, code }) => [state, code]);
      assert.deepEqual(receipts, [["succeeded", null], ["refused", "replayed"]]);
    } finally {
      await next.kill();
    }
  }));

Deno.test("a package that was refused is judged anew when it comes again", async () => {
  const clock = new FakeClock(Date.now());
  await withStand({ clock }, async (stand, ground) => {
    const start = clock.now();
    const payload = packageOf({
      actions: GOOD,
      notBefore: start + 60_000,
      expiresAt: start + 120_000,
    });
    const { id } = nameBytes(payload);
    await assert.rejects(send(stand, ground, payload), { code: "not_yet_valid" });
    clock.advance(60_000);
    assert.equal((await send(stand, ground, payload)).state, "accepted");
    assert.equal((await stand.book.get(id)).state, "accepted");
    assert.deepEqual(
      (await readAudit(stand.directory)).filter(({ subject }) => subject === id)
        .map(({ type }) => type),
      ["execution.refused", "execution.accepted"],
    );
  });
});

Deno.test("a package that was refused in planning keeps its place free for its next delivery", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    let refuses = true;
    ground.kubernetes.hooks.admission = () =>
      refuses ? { code: 403, reason: "Forbidden", message: "exceeded quota" } : null;
    const payload = packageOf({ actions: GOOD, stream: "quota", sequence: 3 });
    const { id } = await send(stand.start(), ground, payload);
    await stand.until(id, "refused");
    refuses = false;
    // Only its own: what has been accepted once stays the highest of its stream.
    for (const sequence of [3, 2]) {
      const other = packageOf({ actions: GOOD, stream: "quota", sequence, risk: "medium" });
      await assert.rejects(send(stand, ground, other), { code: "sequence_not_newer" });
    }
    await send(stand, ground, payload);
    await stand.until(id, "succeeded");
  }));

Deno.test("a package of a settled execution is refused as replayed, and after pruning still refused", async () => {
  const clock = new FakeClock(Date.now());
  await withStand({ clock }, async (stand, ground) => {
    const start = clock.now();
    const payload = packageOf({ actions: GOOD, expiresAt: start + 60_000 });
    const { id } = await send(stand, ground, payload);
    await stand.book.move(await stand.book.get(id), "superseded", "not today");
    await stand.deliverReceipts(() => {});
    assert.deepEqual((await stand.journal.open()).open, [], "nothing in memory");
    await assert.rejects(send(stand, ground, payload), { code: "replayed" });
    const prune = (nowMs: number) =>
      stand.journal.prune({
        endedBeforeMs: start + 1,
        nowMs,
        limit: 10,
        beforeRemoval: (ids) => stand.receipts.forget(ids),
      });
    assert.equal(await prune(start + 59_999), 0, "it is still valid");
    assert.equal(await prune(start + 60_000), 1);
    assert.equal(await stand.book.find(id), null);
    await stand.kill();
    // Not even for a clock that was turned back.
    const next = await Stand.open(ground, { clock });
    try {
      await assert.rejects(send(next, ground, payload), { code: "sequence_not_newer" });
      clock.advance(60_000);
      await assert.rejects(send(next, ground, payload), { code: "expired" });
    } finally {
      await next.kill();
    }
  });
});

Deno.test("before the first registration packages are asked to come again", async () => {
  let registered = false;
  await withStand({ isRegistered: () => registered }, async (stand, ground) => {
    const payload = packageOf({ actions: GOOD });
    await assert.rejects(send(stand, ground, payload), {
      code: "unavailable",
      retryAfterMs: 30_000,
    });
    registered = true;
    assert.equal((await send(stand, ground, payload)).state, "accepted");
  });
});

Deno.test("a standby takes nothing and leaves no trace of what was sent to it", async () => {
  let leads = false;
  const leadership = leadingWhile(() => leads, "node-2_ab12");
  await withStand({ leadership }, async (stand, ground) => {
    const tampered = { payload: packageOf({ actions: GOOD }), bundles: [{ a: 1 }] };
    const refusal = { code: "not_leader", message: /node-2_ab12 leads/ };
    await assert.rejects(stand.intake.receive({ ...tampered, source: "push" }), refusal);
    const payload = packageOf({ actions: GOOD });
    await assert.rejects(send(stand, ground, payload), refusal);
    await assert.rejects(stand.approvals.approve("wpx-1", "sha256:0", stand.people.alice), refusal);
    await assert.rejects(stand.approvals.reject("wpx-1", stand.people.alice, "no"), refusal);
    assert.deepEqual(await readAudit(stand.directory), []);
    assert.deepEqual(await readReceipts(stand), []);
    leads = true;
    assert.equal((await send(stand, ground, payload)).state, "accepted");
  });
});

Deno.test("what is open is bounded, and what is open already is still answered", () =>
  withStand({ maxOpen: 2 }, async (stand, ground) => {
    const make = (stream: string) => packageOf({ actions: GOOD, stream });
    const first = make("a");
    const { id } = await send(stand.start(), ground, first);
    await send(stand, ground, make("b"));
    const third = make("c");
    await assert.rejects(send(stand, ground, third), {
      code: "rate_limited",
      retryAfterMs: 30_000,
    });
    assert.equal((await send(stand, ground, first)).id, id);
    await stand.until(id, "pending_approval");
    await stand.approvals.reject(id, stand.people.alice, "make room");
    assert.equal((await send(stand, ground, third)).state, "accepted");
  }));

Deno.test("deliveries that wait for their turn are bounded", () =>
  withStand({ maxOpen: 100 }, async (stand, ground) => {
    const packages = Array.from(
      { length: 40 },
      (_, index) => packageOf({ actions: GOOD, stream: `s-${index}` }),
    );
    const results = await Promise.allSettled(packages.map((bytes) => send(stand, ground, bytes)));
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 8);
    assert.ok(refused.every(({ reason }) => reason.code === "rate_limited"));
  }));

Deno.test("a signed package in which any one byte differs never passes", async () => {
  await withStand({ policy: MANUAL_POLICY }, async (stand, ground) => {
    const good = packageOf({ actions: GOOD });
    const bundle = sign(ground, good);
    const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([position, mask]) => {
        const payload = good.slice();
        payload[position]! ^= mask;
        await assert.rejects(deliver(stand, payload, bundle), { code: "bad_signature" });
        assert.equal(await stand.book.find(nameBytes(payload).id), null);
      }),
      { numRuns: 150 },
    );
    assert.equal((await recordsOf(stand)).length, 0);
    assert.equal((await deliver(stand, good, bundle)).state, "accepted");
  });
});
