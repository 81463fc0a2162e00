import assert from "node:assert/strict";
import { handleCommand } from "../../src/agent/commands.ts";
import type { AuditEntry, AuditLog } from "../../src/core/audit.ts";
import { prepareDocument } from "../../src/core/approval_document.ts";
import { canonicalJson } from "../../src/core/canonical_json.ts";
import { encodeBase64, encodeUtf8 } from "../../src/core/encoding.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { RefusedError, StalledError, TransientError } from "../../src/errors.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import type { Approvals } from "../../src/execution/approvals.ts";
import type { Delivery, Intake } from "../../src/execution/intake.ts";
import {
  applyAction,
  deployment,
  layGround,
  packageOf,
  recordsOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

function setUp(intake: Pick<Intake, "receive">) {
  const entries: AuditEntry[] = [];
  const lines: string[] = [];
  const audit: AuditLog = {
    record(entry) {
      entries.push(entry);
      return Promise.resolve({ sequence: entries.length, hash: "" });
    },
  };
  const log = new JsonLogger(new FakeClock(), (line) => lines.push(line), "info", new SecretMask());
  const approvals = {} as Approvals;
  const parts = { intake: intake as Intake, approvals, audit, log };
  return { entries, lines, parts };
}

/** An intake at whose door this happens. */
function intakeThat(error: unknown) {
  const deliveries: Delivery[] = [];
  return {
    deliveries,
    receive(delivery: Delivery) {
      deliveries.push(delivery);
      return Promise.reject(error);
    },
  };
}

const data = { payload: encodeBase64(new Uint8Array([1, 2])), bundle: { mediaType: "x" } };

const MALFORMED: Record<string, [string, unknown, RegExp]> = {
  "of an unknown type": ["reboot", data, /There is no command "reboot"/],
  "without data": ["execute", undefined, /is missing|mapping/],
  "with an unknown field": ["execute", { ...data, force: true }, /force: unknown field/],
  "that approves without a document": ["approval", { bundle: {} }, /document: is missing/],
  "that approves with more than that": [
    "approval",
    { document: "AA==", bundle: {}, approver: "alice" },
    /approver: unknown field/,
  ],
  "without a bundle": ["execute", { payload: "" }, /bundle: is missing/],
  "whose payload is not base64": ["execute", { ...data, payload: "A" }, /not standard base64/],
};

for (const [what, [type, body, reason]] of Object.entries(MALFORMED)) {
  Deno.test(`a command ${what} is recorded and done with`, async () => {
    const intake = intakeThat(new Error("must not be asked"));
    const { entries, lines, parts } = setUp(intake);
    await handleCommand({ id: "c-1", type, data: body }, parts);
    assert.equal(intake.deliveries.length, 0);
    assert.equal(entries.length, 1);
    const { type: recorded, actor, subject, data: detail } = entries[0]!;
    assert.deepEqual([recorded, actor, subject], ["command.refused", "control-plane", "c-1"]);
    assert.equal(detail.code, "malformed_request");
    assert.match(String(detail.reason), reason);
    assert.match(lines.join("\n"), /"event":"command_refused"/);
  });
}

Deno.test("a command's own texts are cut before they go on record", async () => {
  const { entries, lines, parts } = setUp(intakeThat(null));
  await handleCommand({ id: "i".repeat(10_000), type: "t".repeat(10_000), data: null }, parts);
  assert.ok(JSON.stringify(entries).length < 1000);
  assert.ok(lines.join("").length < 1000);
});

Deno.test("a refused package is recorded against its command, and done with", async () => {
  const { entries, parts } = setUp(intakeThat(new RefusedError("expired", "too late")));
  await handleCommand({ id: "c-2", type: "execute", data }, parts);
  assert.deepEqual(entries[0]!.data, {
    commandType: "execute",
    code: "expired",
    reason: "too late",
  });
});

for (
  const error of [
    new TransientError("disk_full", "no space"),
    new StalledError("state_unwritable", "read-only"),
    new RefusedError("audit_unavailable", "the disk is slow"),
    new RefusedError("audit_broken", "damaged"),
    new RefusedError("not_leader", "stands by"),
    new RangeError("a bug"),
  ]
) {
  const code = "code" in error ? error.code : error.name;
  Deno.test(`a command that fails with ${code} is not done with`, async () => {
    const { entries, parts } = setUp(intakeThat(error));
    await assert.rejects(
      handleCommand({ id: "c-3", type: "execute", data }, parts),
      (thrown) => thrown === error,
    );
    assert.deepEqual(entries, []);
  });
}

Deno.test("a refusal that cannot be recorded is not done with", async () => {
  const { parts } = setUp(intakeThat(null));
  const audit = { record: () => Promise.reject(new RefusedError("audit_unavailable", "full")) };
  await assert.rejects(
    handleCommand({ id: "c-4", type: "reboot", data }, { ...parts, audit }),
    { code: "audit_unavailable" },
  );
});

Deno.test("an execute command enters the pipeline; brought again, it changes nothing", async () => {
  const ground = await layGround();
  const stand = await Stand.open(ground);
  try {
    const { entries, parts } = setUp(stand.intake);
    const bytes = packageOf({ actions: applyAction(deployment("web", "web:1")) });
    const command = {
      id: "c-5",
      type: "execute",
      data: { payload: encodeBase64(bytes), bundle: ground.signer.sign(bytes) },
    };
    await handleCommand(command, parts);
    await handleCommand(command, parts);
    const [record, ...more] = await recordsOf(stand);
    assert.deepEqual([record?.source, record?.state, more.length], ["channel", "accepted", 0]);
    assert.deepEqual(entries, []);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("an approval command brings what an approver signed; a bad one is recorded and done with", async () => {
  const ground = await layGround();
  const signer = await createKeySigner();
  const dora = {
    kind: "key",
    name: "dora",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
  } as const;
  const stand = (await Stand.open(ground, { approvers: [dora] })).start();
  try {
    const { entries, parts } = setUp(stand.intake);
    const actions = applyAction(deployment("web", "web:1"));
    const { id } = await send(stand, ground, packageOf({ actions }));
    const record = await stand.until(id, "pending_approval");
    const decision = { decision: "approve", reason: "" } as const;
    const document = encodeUtf8(canonicalJson(prepareDocument(record, decision, Date.now())));
    const approvals = stand.approvals;
    const deliver = (by: typeof signer, name: string) =>
      handleCommand({
        id: name,
        type: "approval",
        data: { document: encodeBase64(document), bundle: by.sign(document) },
      }, { ...parts, approvals });
    await deliver(await createKeySigner(), "c-6");
    assert.deepEqual(entries.map(({ data }) => data.code), ["unknown_signer"]);
    await deliver(signer, "c-7");
    await deliver(signer, "c-7");
    assert.equal((await stand.until(id, "succeeded")).approvals[0]!.approver, "dora");
    assert.equal(entries.length, 1);
  } finally {
    await stand.kill();
    await ground.close();
  }
});
