import assert from "node:assert/strict";
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
