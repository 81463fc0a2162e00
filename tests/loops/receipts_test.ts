import assert from "node:assert/strict";
import type { ReceiptPayload } from "../../src/core/protocol.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import {
  ReceiptLoop,
  type ReceiptOutbox,
  type UndeliveredReceipt,
} from "../../src/loops/receipts.ts";
import {
  type ControlPlaneFixture,
  createControlPlaneFixture,
} from "../fakes/control_plane_fixture.ts";

class MemoryOutbox implements ReceiptOutbox {
  readonly receipts = new Map<string, UndeliveredReceipt>();
  failToMark = 0;

  undelivered() {
    return Promise.resolve([...this.receipts.values()]);
  }

  markDelivered(key: string) {
    this.receipts.delete(key);
    return Promise.resolve();
  }
}

async function createReceipt(
  fixture: ControlPlaneFixture,
  executionId: string,
  key = fixture.key,
): Promise<UndeliveredReceipt> {
  const payload: ReceiptPayload = {
    schema: "neuralops.io/receipt/v1",
    executionId,
    clusterId: fixture.session.identity()!.clusterId,
    digest: `sha256:${"0".repeat(64)}`,
    state: "succeeded",
    code: null,
    reason: "applied",
    name: "restart-checkout",
    stream: "incident-remediation",
    sequence: 1,
    planDigest: null,
    approvals: [],
    atMs: fixture.clock.now(),
    auditSequence: 7,
  };
  const jws = await key.signJws("neuralops-receipt+jwt", payload);
  return { executionId, jws, key: `${executionId}.1` };
}

async function startReceipts(fixture: ControlPlaneFixture) {
  fixture.start(fixture.registration);
  await fixture.session.ready(fixture.signal);
  const outbox = new MemoryOutbox();
  const loop = new ReceiptLoop({
    ...fixture.ports,
    outbox,
    api: fixture.api,
    onDelivered: () => Promise.resolve(),
  });
  const add = async (executionId: string, key = fixture.key) => {
    const receipt = await createReceipt(fixture, executionId, key);
    outbox.receipts.set(receipt.key, receipt);
    loop.wake();
  };
  return { outbox, loop, add };
}

function delivered(fixture: ControlPlaneFixture): string[] {
  return fixture.controlPlane.receipts.map(({ payload }) => payload.executionId);
}

Deno.test("ReceiptLoop delivers what is there, and what comes, as soon as it is woken", async () => {
  await using fixture = await createControlPlaneFixture();
  const { outbox, loop, add } = await startReceipts(fixture);
  await add("x-1");
  fixture.start(loop);
  await fixture.controlPlane.until(() => delivered(fixture).length === 1);
  await fixture.clock.whenSleeping(2);
  await add("x-2");
  await fixture.controlPlane.until(() => delivered(fixture).length === 2);
  await fixture.clock.whenSleeping(2);
  assert.deepEqual(delivered(fixture), ["x-1", "x-2"]);
  assert.equal(outbox.receipts.size, 0);
});

Deno.test("ReceiptLoop loses nothing over an outage and a broken answer", async () => {
  await using fixture = await createControlPlaneFixture();
  const { outbox, loop, add } = await startReceipts(fixture);
  await fixture.controlPlane.server.stop();
  for (const id of ["x-1", "x-2", "x-3"]) await add(id);
  fixture.start(loop);
  for (let round = 0; round < 3; round += 1) {
    await fixture.clock.whenSleeping(2);
    assert.equal(fixture.health.get("receipts")!.state, "degraded");
    fixture.clock.advance(60_000);
  }
  await fixture.clock.whenSleeping(2);
  fixture.controlPlane.server.start();
  fixture.clock.advance(60_000);
  await fixture.controlPlane.until(() => delivered(fixture).length === 3);
  await fixture.clock.whenSleeping(2);
  assert.deepEqual(delivered(fixture), ["x-1", "x-2", "x-3"]);
  assert.equal(outbox.receipts.size, 0);
  assert.equal(fixture.health.get("receipts")!.state, "ok");
});

Deno.test("ReceiptLoop sends again what was not marked, and the control plane keeps one", async () => {
  await using fixture = await createControlPlaneFixture();
  const { outbox, loop, add } = await startReceipts(fixture);
  await add("x-1");
  const [receipt] = await outbox.undelivered();
  await fixture.api.sendReceipt("x-1", receipt!.jws, fixture.signal);
  fixture.start(loop);
  await fixture.controlPlane.until(() => fixture.controlPlane.receiptBook.duplicates === 1);
  assert.deepEqual(delivered(fixture), ["x-1"]);
});

Deno.test("ReceiptLoop sets a refused receipt aside and delivers the others", async () => {
  await using fixture = await createControlPlaneFixture();
  const { outbox, loop, add } = await startReceipts(fixture);
  await add("x-forged", await keyFromPem(await generateKeyPem()));
  await add("x-good");
  fixture.start(loop);
  await fixture.controlPlane.until(() => delivered(fixture).length === 1);
  await fixture.clock.whenSleeping(2);
  assert.deepEqual(delivered(fixture), ["x-good"]);
  assert.deepEqual([...outbox.receipts.keys()], ["x-forged.1"]);
  assert.equal(fixture.health.get("receipts")!.state, "degraded");
  assert.ok(fixture.logLines.some((line) => line.includes("receipt_refused")));
});
