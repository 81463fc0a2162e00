import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { sha256Of, useNodeCrypto } from "../../src/core/sha256.ts";

const parts = fc.array(
  fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })),
);

function expected(of: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of of) hash.update(part);
  return hash.digest("hex");
}

const check = () =>
  fc.assert(fc.property(parts, (of) => {
    assert.equal(sha256Of(...of).toHex(), expected(of));
  }));

Deno.test("sha256Of is node:crypto's SHA-256, whichever of the two hashes", () => {
  check();
  const large = new Uint8Array(200_000).map((_, index) => index);
  assert.equal(sha256Of(large, "x").toHex(), expected([large, "x"]));
  useNodeCrypto();
  check();
});
