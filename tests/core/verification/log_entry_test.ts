import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { findEntryFault } from "../../../src/core/verification/log_entry.ts";

const der = Buffer.from("der of a certificate or key");
const rawBytes = der.toString("base64");
const pem = btoa(`-----BEGIN PUBLIC KEY-----\n${rawBytes}\n-----END PUBLIC KEY-----\n`);

function createEntry(kind: string, version: string, spec: unknown) {
  return {
    logIndex: "1",
    logId: { keyId: Buffer.alloc(32) },
    kindVersion: { kind, version },
    integratedTime: "1",
    inclusionPromise: undefined,
    inclusionProof: undefined,
    canonicalizedBody: Buffer.from(JSON.stringify({ kind, apiVersion: version, spec })),
  };
}

const KINDS: [string, string, unknown][] = [
  ["hashedrekord", "0.0.1", { signature: { publicKey: { content: pem } } }],
  ["hashedrekord", "0.0.2", {
    hashedRekordV002: { signature: { verifier: { publicKey: { rawBytes } } } },
  }],
  ["dsse", "0.0.1", { signatures: [{ verifier: pem }] }],
  ["dsse", "0.0.2", {
    dsseV002: { signatures: [{ verifier: { x509Certificate: { rawBytes } } }] },
  }],
  ["intoto", "0.0.2", { content: { envelope: { signatures: [{ publicKey: pem }] } } }],
];

for (const [kind, version, spec] of KINDS) {
  Deno.test(`findEntryFault compares the signer that a ${kind} ${version} entry names`, () => {
    const entry = createEntry(kind, version, spec);
    assert.equal(findEntryFault(entry, der), null);
    assert.match(findEntryFault(entry, Buffer.from("another"))!, /names another signer/);
    assert.match(findEntryFault(createEntry(kind, version, {}), der)!, /does not name who signed/);
  });
}

Deno.test("findEntryFault refuses kinds that it cannot read", () => {
  assert.match(findEntryFault(createEntry("rpm", "0.0.1", {}), der)!, /rpm\/0\.0\.1/);
  assert.match(findEntryFault(createEntry("constructor", "", {}), der)!, /not supported/);
  const broken = { ...createEntry("dsse", "0.0.1", {}), canonicalizedBody: Buffer.from("{") };
  assert.match(findEntryFault(broken, der)!, /does not name/);
});
