import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { ByteCache, decodeText } from "../../../src/core/signals/answer/text_cache.ts";

Deno.test("ByteCache gives what the bytes stand for, whatever shares their slot", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.nat(3))), (texts) => {
      const cache = new ByteCache(2, decodeText);
      for (const [text, hash] of [...texts, ...texts]) {
        const bytes = encodeUtf8(`<${text}>`);
        assert.equal(cache.get(bytes, 1, bytes.length - 1, hash), text);
      }
    }),
  );
});

Deno.test("ByteCache makes what it knows once, and what is long each time", () => {
  let made = 0;
  const cache = new ByteCache(16, () => made += 1);
  const ask = (text: string) => cache.get(encodeUtf8(text), 0, text.length, 7);
  assert.deepEqual([ask("job"), ask("job"), ask("pod"), ask("job")], [1, 1, 2, 3]);
  const long = "x".repeat(193);
  assert.notEqual(ask(long), ask(long));
});
