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

function put(folder: ReceiptFolder, key: string): Promise<void> {
  return folder.put(key, { executionId: "wpx-1", jws: "a.b.c" });
}

Deno.test("a receipt is there until it was delivered, and known ever after", () =>
  withFolder(async (folder) => {
    await put(folder, "a");
    assert.deepEqual((await folder.undelivered()).map(({ key }) => key), ["a"]);
    await folder.markDelivered("a");
    assert.deepEqual(await folder.undelivered(), []);
    assert.equal(await folder.has("a"), true);
    assert.equal(await folder.has("b"), false);
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
