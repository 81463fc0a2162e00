import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import {
  CANONICAL,
  classifyFloat,
  JSON_NUMBER,
  NO_FLOAT,
  OTHER,
  parseFloatText,
} from "../../../src/core/signals/float_text.ts";
import { floatText } from "./arbitrary_answer.ts";

/** In the midst of other bytes, as it stands in an answer. */
function classify(text: string): number {
  const bytes = encodeUtf8(`9.${text}".9`);
  return classifyFloat(bytes, 2, bytes.length - 3);
}

Deno.test("classifyFloat() calls canonical what RFC 8785 would write, and most of what Go writes", () => {
  const all: [number, string[]][] = [
    [CANONICAL, ["0", "7", "-12", "0.5", "-0.000001", "0.000001234", "123456789012345", "1.25"]],
    [JSON_NUMBER, ["-0", "1.50", "10.0", "0.0000001", "1e-09", "1E+21", "1234567890123456"]],
    [JSON_NUMBER, ["0.30000000000000004", "0.1234567890123456", "-0.0", "100000000000000000000"]],
    [OTHER, ["NaN", "+Inf", "-Inf", "Inf", "+1", "1.", ".5", "007", "-.5", "00", "1.e5"]],
    [NO_FLOAT, [
      "",
      "-",
      "+",
      ".",
      "e",
      "1e",
      "1e+",
      "--1",
      "1-1",
      "1.1.1",
      "1 ",
      " 1",
      "0x1",
      "1_0",
    ]],
    [NO_FLOAT, ["1e999", "-1e999", "nan", "inf", "infinity", "-NaN", "9".repeat(400), "١"]],
  ];
  for (const [kind, texts] of all) {
    for (const text of texts) assert.equal(classify(text), kind, text);
  }
});

Deno.test("classifyFloat() says canonical of no text that JSON would write in another way", () => {
  fc.assert(
    fc.property(floatText, (text) => {
      const kind = classify(text);
      if (kind === CANONICAL) assert.equal(text, JSON.stringify(Number(text)));
      if (kind === CANONICAL || kind === JSON_NUMBER) {
        assert.ok(Object.is(JSON.parse(text), Number(text)));
      }
      assert.notEqual(kind, NO_FLOAT);
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("classifyFloat() takes exactly what is a float", () => {
  const FLOAT = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Inf)$/;
  const almost = fc.string({
    unit: fc.constantFrom(..."0123456789", "0", "9", ".", "-", "+", "e", "E", "Inf", "NaN", "x"),
    maxLength: 8,
  });
  fc.assert(
    fc.property(almost, (text) => {
      const isFloat = FLOAT.test(text) && (/[IN]/.test(text) || Number.isFinite(Number(text)));
      assert.equal(classify(text) !== NO_FLOAT, isFloat, text);
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("parseFloatText() gives the double that a text stands for", () => {
  const values: [string, number][] = [["1e-09", 1e-9], [".5", 0.5], ["Inf", Infinity]];
  for (
    const [text, value] of [...values, ["-Inf", -Infinity], ["NaN", NaN]] as [string, number][]
  ) {
    const bytes = encodeUtf8(text);
    assert.ok(Object.is(parseFloatText(bytes, 0, bytes.length), value), text);
  }
});
