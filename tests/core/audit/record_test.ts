import assert from "node:assert/strict";
import fc from "fast-check";
import type { AuditData } from "../../../src/core/audit.ts";
import {
  checkEntry,
  decodeRecord,
  encodeRecord,
  MAX_LINE_BYTES,
} from "../../../src/core/audit/record.ts";
import { decodeUtf8, encodeHex, encodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";

const PLACE = { seq: 7, timeMs: 1_764_000_000_000, prev: "0".repeat(64) };

Deno.test("record line has the documented form and hash", () => {
  const entry = { type: "vault.login", actor: "connector", subject: "é", data: { b: 2, a: [] } };
  const { line, leafHash } = encodeRecord(entry, PLACE);
  const body = `{"actor":"connector","data":{"a":[],"b":2},"prev":"${PLACE.prev}",` +
    `"seq":7,"subject":"é","timeMs":1764000000000,"type":"vault.login"}`;
  const hash = sha256Hex(new Uint8Array([0, ...encodeUtf8(body)]));
  assert.equal(encodeHex(leafHash), hash);
  assert.equal(decodeUtf8(line), body.replace(`"prev"`, `"hash":"${hash}","prev"`) + "\n");
});

Deno.test("record comes back for any entry, hostile text included", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const value = fc.oneof(
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(text, { maxLength: 3 }),
  );
  const data = fc.dictionary(text, value, { maxKeys: 5 }) as fc.Arbitrary<AuditData>;
  fc.assert(fc.property(text, text, data, (actor, subject, data) => {
    const entry = checkEntry({ type: "a.b", actor, subject, data });
    const { line } = encodeRecord(entry, PLACE);
    assert.equal(line.indexOf(10), line.length - 1);
    const { record } = decodeRecord(line.subarray(0, -1));
    assert.equal(record.subject, subject.toWellFormed());
    assert.deepEqual(encodeRecord(record, record).line, line);
  }));
});

Deno.test("record refuses an entry that is too large or malformed", () => {
  const entry = { type: "a.b", actor: "x", subject: "y", data: {} };
  const large = { ...entry, data: { text: "x".repeat(MAX_LINE_BYTES) } };
  assert.throws(() => checkEntry(large), { code: "too_large" });
  const nested = { ...entry, data: { a: { b: 1 } } as unknown as AuditData };
  assert.throws(() => checkEntry(nested), { code: "malformed_request" });
  assert.throws(() => checkEntry({ ...entry, data: { n: NaN } }), { code: "malformed_request" });
});

Deno.test("record is refused in any form but the canonical one", () => {
  const { line } = encodeRecord({ type: "a.b", actor: "x", subject: "y", data: {} }, PLACE);
  const text = decodeUtf8(line.subarray(0, -1));
  const others = [
    text.replace(`{"actor"`, `{ "actor"`),
    text.replace(`"seq":7`, `"seq":7.0`),
    text.replace(`"seq":7`, `"seq":8,"seq":7`),
    text.replace(`"actor":"x"`, `"actor":"\\u0078"`),
    text.replace(`{"actor"`, `{"Extra":1,"actor"`),
    text + " ",
    "\uFEFF" + text,
    "[]",
    "",
  ];
  for (const other of others) assert.throws(() => decodeRecord(encodeUtf8(other)), Error, other);
});
