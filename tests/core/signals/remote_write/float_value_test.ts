import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../../src/core/encoding.ts";
import { readFloat } from "../../../../src/core/signals/remote_write/float_value.ts";

function parse(text: string): number {
  const bytes = encodeUtf8(`,"${text}"]`);
  return readFloat(bytes, 2, bytes.length - 2);
}

Deno.test("a float's text becomes the double that Number() reads in it, to the bit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.ok(Object.is(parse(Object.is(value, -0) ? "-0" : String(value)), value));
    }),
    { numRuns: 5000 },
  );
  const digits = fc.stringMatching(/^[+-]?[0-9]{1,18}(\.[0-9]{0,24})?([eE][+-]?[0-9]{1,3})?$/);
  fc.assert(
    fc.property(digits, (text) => assert.ok(Object.is(parse(text), Number(text)), text)),
    { numRuns: 5000 },
  );
});

Deno.test("a float's text at the edges of the quick way is read exactly", () => {
  for (
    const text of [
      "0",
      "-0",
      "0.0",
      "1e3",
      "1E-7",
      ".5",
      "5.",
      "999999999999999",
      "9999999999999999",
      "0.000000000000001",
      "0.0000000000000000000001",
      "0.00000000000000000000001",
      "123456789012345.6",
      "1.7976931348623157e+308",
      "5e-324",
      "0.1",
      "0.3",
    ]
  ) assert.ok(Object.is(parse(text), Number(text)), text);
  assert.deepEqual(["NaN", "+Inf", "Inf", "-Inf"].map(parse), [NaN, Infinity, Infinity, -Infinity]);
});
