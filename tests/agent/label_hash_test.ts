import assert from "node:assert/strict";
import { labelHashOf, readHashKey } from "../../src/agent/label_hash.ts";
import { Signals } from "../../src/config/signals.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import { StalledError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";
import { memoryFiles } from "../fakes/memory_files.ts";

const key = await keyFromPem(await generateKeyPem());
const other = await keyFromPem(await generateKeyPem());
const hashing = (more = {}) =>
  Signals.parse({ queries: [{ name: "q", expr: "up", labels: { hash: ["pod"] } }], ...more });
const filesWith = (content: string) => memoryFiles({ "/e/key": content }) as Files;
const NO_FILES = memoryFiles({}) as Files;

Deno.test("labels are hashed with the connector's own key, the same after every start", async () => {
  const { hashLabel } = await labelHashOf(hashing(), NO_FILES, key);
  const again = await labelHashOf(hashing(), NO_FILES, key);
  const others = await labelHashOf(hashing(), NO_FILES, other);
  assert.match(hashLabel!("web-1"), /^[0-9a-f]{16}$/);
  assert.equal(again.hashLabel!("web-1"), hashLabel!("web-1"));
  assert.notEqual(others.hashLabel!("web-1"), hashLabel!("web-1"));
});

Deno.test("labels are hashed alike by connectors that share a file, whatever ends its line", async () => {
  const signals = hashing({ hashKeyFile: "/e/key" });
  const secret = "0123456789abcdef0123456789abcdef";
  const one = await labelHashOf(signals, filesWith(secret), key);
  const two = await labelHashOf(signals, filesWith(`${secret}\n`), other);
  assert.equal(one.hashLabel!("web-1"), two.hashLabel!("web-1"));
});

Deno.test("a key file that is not there, or too short, is refused; without hashing none is read", async () => {
  const isInvalid = (error: unknown) =>
    error instanceof StalledError && error.code === "config_invalid" &&
    error.message.includes("signals.hashKeyFile");
  await assert.rejects(readHashKey({ hashKeyFile: "/e/key" }, NO_FILES), isInvalid);
  await assert.rejects(readHashKey({ hashKeyFile: "/e/key" }, filesWith("short\n")), isInvalid);
  const plain = Signals.parse({ queries: [{ name: "q", expr: "up" }], hashKeyFile: "/e/key" });
  assert.deepEqual(await labelHashOf(plain, NO_FILES, key), {});
});
