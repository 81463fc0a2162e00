import assert from "node:assert/strict";
import fc from "fast-check";
import { formatTable, printable } from "../../src/cli/output.ts";

Deno.test("formatTable aligns its columns and pads no line's end", () => {
  assert.deepEqual(
    formatTable(["ID", "STATE", "NAME"], [["wpx-1", "ok", "a"], ["w", "failed", ""]]),
    [
      "ID     STATE   NAME",
      "wpx-1  ok      a",
      "w      failed  ",
    ],
  );
  assert.deepEqual(formatTable(["ID"], []), ["ID"]);
});

Deno.test("formatTable and printable let no control character through to the terminal", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    for (const line of [printable(text), ...formatTable(["A", "B"], [[text, text]])]) {
      assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u);
    }
  }));
  assert.equal(printable("a\u001b[2Jb\nc\u202e漢é"), "a\\u{1b}[2Jb\\u{a}c\\u{202e}漢é");
});
