import assert from "node:assert/strict";
import { encodeBase64Url, encodeUtf8 } from "../../src/core/encoding.ts";
import { receiptOfRefusal } from "../../src/core/receipt.ts";
import { ReceiptFolder } from "../../src/adapters/receipt_folder.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";

async function withFolder(work: (folder: ReceiptFolder) => Promise<void>): Promise<void> {
  const directory = `./reports/test/${crypto.randomUUID()}`;
  try {
    await work(new ReceiptFolder(systemFiles, directory));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const ID = `wpx-${"0".repeat(32)}`;
const KEY = `${ID}.000000000007.succeeded`;

function put(folder: ReceiptFolder, key: string): Promise<void> {
  return folder.put(key, { executionId: "wpx-1", jws: "a.b.c" });
}

Deno.test("a receipt of an execution is there until it was delivered, and known after", () =>
  withFolder(async (folder) => {
    await put(folder, KEY);
    assert.deepEqual((await folder.undelivered()).map(({ key }) => key), [KEY]);
    await folder.markDelivered(KEY);
    assert.deepEqual(await folder.undelivered(), []);
    assert.equal(await folder.has(KEY), true);
    assert.equal(await folder.has("b"), false);
  }));

Deno.test("a receipt of a package without a record is gone once it was delivered", () =>
  withFolder(async (folder) => {
    const key = `${ID}.refused.bad_signature`;
    await put(folder, key);
    await folder.markDelivered(key);
    assert.deepEqual(await folder.undelivered(), []);
    assert.equal(await folder.has(key), false);
  }));

Deno.test("receipts of a forgotten execution are gone, delivered or not, and no others", () =>
  withFolder(async (folder) => {
    const waiting = KEY.replace("succeeded", "pending_approval");
    const other = KEY.replace("wpx-0", "wpx-1");
    for (const key of [waiting, KEY, other]) await put(folder, key);
    await folder.markDelivered(KEY);
    await folder.forget(new Set());
    assert.equal(await folder.has(KEY), true);
    await folder.forget(new Set([ID]));
    assert.deepEqual((await folder.undelivered()).map(({ key }) => key), [other]);
    for (const key of [waiting, KEY]) assert.equal(await folder.has(key), false);
  }));

Deno.test("receipts that are never taken do not hide the ones behind them", () =>
  withFolder(async (folder) => {
    const keys = Array.from({ length: 150 }, (_, index) => `r${String(index).padStart(3, "0")}`);
    for (const key of keys) await put(folder, key);
    const first = (await folder.undelivered()).map(({ key }) => key);
    const second = (await folder.undelivered()).map(({ key }) => key);
    const third = (await folder.undelivered()).map(({ key }) => key);
    assert.deepEqual(first, keys.slice(0, 100));
    assert.deepEqual(second, keys.slice(100));
    assert.deepEqual(third, first);
  }));

const OTHER = `wpx-${"2".repeat(32)}`;

Deno.test("the receipt of the last outcome is found, delivered or not; a refusal only where there is no other", () =>
  withFolder(async (folder) => {
    const find = async (id = ID) => {
      const found = await folder.find(id);
      return found && JSON.parse(atob(found.jws.split(".")[1]!)).reason;
    };
    const add = (key: string, auditSequence: number, executionId = ID) => {
      const [, , reason] = `${executionId}.${key}`.split(".");
      const receipt = receiptOfRefusal({
        id: executionId,
        clusterId: "c",
        digest: "sha256:0",
        code: "bad_signature",
        reason: reason!,
        atMs: 0,
        auditSequence,
      });
      const jws = `a.${encodeBase64Url(encodeUtf8(JSON.stringify(receipt)))}.c`;
      return folder.put(`${executionId}.${key}`, { executionId, jws });
    };
    assert.equal(await find(), null);
    await add("refused.missing_signature", 3);
    await add("refused.bad_signature", 4);
    assert.equal(await find(), "bad_signature");
    await add("000000000007.pending_approval", 7);
    await add("000000000012.succeeded", 12);
    await add("refused.replayed", 20);
    await add("000000000099.failed", 99, OTHER);
    assert.equal(await find(), "succeeded");
    await folder.markDelivered(`${ID}.000000000012.succeeded`);
    assert.equal(await find(), "succeeded");
    assert.equal(await folder.find("wpx"), null);
    assert.equal(await folder.find(`../${ID}`), null);
  }));
