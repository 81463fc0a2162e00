import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { Fingerprints } from "../../../src/core/signals/answer/fingerprints.ts";

Deno.test("Fingerprints tell texts apart, and know each again", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 12 })), fc.nat(0xffff_ffff), (texts, seed) => {
      const fingerprints = new Fingerprints(seed);
      const seen = new Set<string>();
      for (const text of texts) {
        const bytes = encodeUtf8(`{${text.toWellFormed()}}`);
        assert.equal(fingerprints.add(bytes, 1, bytes.length - 1), !seen.has(text.toWellFormed()));
        seen.add(text.toWellFormed());
      }
    }),
  );
});

Deno.test("Fingerprints of half a million label sets that differ in a digit are all different", () => {
  for (const seed of [0, 1, 0xdead_beef]) {
    const fingerprints = new Fingerprints(seed);
    const bytes = encodeUtf8('{"__name__":"up","instance":"10.0.000000:9100","job":"node"}');
    const at = bytes.indexOf(0x30, 40) - 1;
    for (let n = 0; n < 500_000; n++) {
      let rest = n;
      for (let digit = 5; digit >= 0; digit--) {
        bytes[at + digit] = 0x30 + rest % 10;
        rest = Math.floor(rest / 10);
      }
      assert.ok(fingerprints.add(bytes, 0, bytes.length), `${n}`);
    }
    assert.ok(!fingerprints.add(bytes, 0, bytes.length));
  }
});
