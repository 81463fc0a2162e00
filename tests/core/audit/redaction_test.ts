import assert from "node:assert/strict";
import fc from "fast-check";
import { isRedactionOf, redacted, SALT_BYTES, salted } from "../../../src/core/audit/redaction.ts";

const salt = fc.uint8Array({ minLength: SALT_BYTES, maxLength: SALT_BYTES });

Deno.test("a redacted text is known again with its salt, and with no other", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), salt, salt, (text, one, other) => {
    const kept = salted(text, one);
    const value = redacted(kept);
    assert.match(value, /^sha256:[0-9a-f]{64}$/);
    assert.ok(isRedactionOf(value, kept));
    assert.ok(!isRedactionOf(value, text));
    assert.ok(!isRedactionOf(value, kept + " "));
    if (one.toHex() !== other.toHex()) assert.notEqual(redacted(salted(text, other)), value);
  }));
});

Deno.test("a text without a salt is not redacted: a guess would find it", () => {
  for (const text of ["", "no", "no (salt short)", `${salted("a", new Uint8Array(16))}!`]) {
    assert.throws(() => redacted(text), TypeError);
  }
});
