import assert from "node:assert/strict";
import { parseAccessKey, parseAccessKeyJson } from "../../src/agent/access_key.ts";
import { machineUid } from "../../src/agent/machine.ts";
import { readCa, readConfigured, readPolicy, readSigners } from "../../src/agent/read_files.ts";
import { StalledError } from "../../src/errors.ts";
import { memoryFiles } from "../fakes/memory_files.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const files = memoryFiles({
  "/text": "hello",
  "/empty": "",
  "/binary": new Uint8Array([0xff]),
  "/denied": new Error("permission denied"),
  "/stalled": new StalledError("access_denied", "Cannot read /stalled: permission denied"),
  "/ca": CERTIFICATE,
  "/policy": "apiVersion: neuralops.io/v1\nkind: ExecutionPolicy\nmode: auto\n",
  "/root": "{}",
});

Deno.test("readConfigured reads text, and names key and path of what it cannot read", async () => {
  assert.equal(await readConfigured(files, "a.b", "/text"), "hello");
  assert.equal(await readConfigured(files, "a.b", "/empty"), "");
  const cases: [string, RegExp][] = [
    ["/none", /^a\.b: there is no file \/none$/],
    ["/denied", /^a\.b: cannot read \/denied: Error: permission denied$/],
    ["/stalled", /^a\.b: Cannot read \/stalled: permission denied$/],
    ["/binary", /^a\.b: \/binary is not a text file$/],
  ];
  for (const [path, message] of cases) {
    await assert.rejects(readConfigured(files, "a.b", path), { code: "config_invalid", message });
  }
});

Deno.test("readCa reads nothing where nothing is named, and refuses a file without a certificate", async () => {
  assert.deepEqual(await readCa(files, "vault.caFile", undefined), {});
  assert.deepEqual(await readCa(files, "vault.caFile", "/ca"), { caPem: CERTIFICATE });
  for (const path of ["/text", "/empty"]) {
    await assert.rejects(readCa(files, "vault.caFile", path), {
      code: "config_invalid",
      message: new RegExp(`^vault\\.caFile: ${path} holds no certificate`),
    });
  }
});

Deno.test("readSigners reads each signer's files, and names the signer of a missing one", async () => {
  const key = { name: "k", keyFile: "/text", transparencyLog: "optional" as const };
  const keyless = {
    name: "w",
    identity: "https://ci",
    issuer: "https://issuer",
    trustedRoot: "/root",
    transparencyLog: "required" as const,
  };
  assert.deepEqual(await readSigners(files, [key, { ...key, trustedRoot: "/root" }, keyless]), [
    { kind: "key", name: "k", publicKeyPem: "hello", transparencyLog: "optional" },
    {
      kind: "key",
      name: "k",
      publicKeyPem: "hello",
      transparencyLog: "optional",
      trustedRootJson: "{}",
    },
    {
      kind: "keyless",
      name: "w",
      identity: "https://ci",
      issuer: "https://issuer",
      trustedRootJson: "{}",
    },
  ]);
  const [known] = await readSigners(files, [{ ...keyless, trustedRoot: "public-good" }]);
  assert.ok(known?.trustedRootJson?.includes("https://rekor.sigstore.dev"));
  await assert.rejects(readSigners(files, [{ ...key, keyFile: "/none" }]), {
    message: /^trust\.signers\[k\]\.keyFile: there is no file/,
  });
});

Deno.test("readPolicy allows nothing without a file", async () => {
  assert.equal((await readPolicy(files, "/policy")).mode, "auto");
  const none = await readPolicy(files, undefined);
  assert.deepEqual([none.mode, none.allow], ["manual", []]);
  await assert.rejects(readPolicy(files, "/text"), { code: "malformed_policy" });
  await assert.rejects(readPolicy(files, "/none"), { message: /^execution\.policyFile: / });
});

Deno.test("machineUid hashes the machine id: the same for one host, nothing like the id itself", async () => {
  const id = "0123456789abcdef0123456789abcdef";
  const uid = (text: string) => machineUid(memoryFiles({ "/etc/machine-id": text }));
  const first = await uid(`${id}\n`);
  assert.match(first, /^machine-[0-9a-f]{64}$/);
  assert.ok(!first.includes(id));
  assert.equal(await uid(id), first);
  assert.notEqual(await uid(id.replace("0", "1")), first);
  for (const text of ["", "uninitialized\n", `${id}0`, id.toUpperCase()]) {
    await assert.rejects(uid(text), { code: "config_invalid" });
  }
  await assert.rejects(machineUid(memoryFiles({})), { code: "config_invalid" });
});

Deno.test("parseAccessKey takes a key with or without a session token, and repeats no value", () => {
  const key = { accessKeyId: "AKID", secretAccessKey: "hunter22" };
  assert.deepEqual(parseAccessKey({ ...key, other: 1 }, "f"), key);
  const full = { ...key, sessionToken: "session" };
  assert.deepEqual(parseAccessKeyJson(JSON.stringify(full), "f"), full);
  for (const text of ["{hunter22", '{"accessKeyId":"hunter22"}', '"hunter22"', ""]) {
    assert.throws(
      () => parseAccessKeyJson(text, "keys.json"),
      (error) =>
        error instanceof StalledError && error.message.startsWith("keys.json: ") &&
        !`${error.message}${error.hint}${error.cause}`.includes("hunter22"),
    );
  }
});
