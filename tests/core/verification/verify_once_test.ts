import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import type { Verified } from "../../../src/core/verification/verdict.ts";
import { verifyOnce } from "../../../src/core/verification/verify_once.ts";
import { RefusedError } from "../../../src/errors.ts";

const GOOD = { signature: "good" };

function counting() {
  const asked: string[] = [];
  const verifier = verifyOnce({
    identities: new Set(),
    verify(artifact, bundle) {
      asked.push(JSON.stringify([artifact, bundle]));
      if (bundle !== GOOD && JSON.stringify(bundle) !== JSON.stringify(GOOD)) {
        throw new RefusedError("bad_signature", "wrong");
      }
      return { signer: "release" } as unknown as Verified;
    },
  });
  return { verifier, asked };
}

Deno.test("verifyOnce asks once for the same bytes with the same bundle", () => {
  const { verifier, asked } = counting();
  const bytes = encodeUtf8("package");
  const first = verifier.verify(bytes, GOOD);
  assert.equal(verifier.verify(bytes.slice(), { ...GOOD }), first);
  assert.equal(asked.length, 1);
});

Deno.test("verifyOnce asks again for other bytes, another bundle, and after a refusal", () => {
  const { verifier, asked } = counting();
  const bytes = encodeUtf8("package");
  verifier.verify(bytes, GOOD);
  verifier.verify(encodeUtf8("packagE"), GOOD);
  for (let i = 0; i < 2; i++) {
    assert.throws(() => verifier.verify(bytes, { signature: "bad" }), { code: "bad_signature" });
  }
  assert.equal(asked.length, 4);
});

Deno.test("verifyOnce hands on what has no bytes, or no canonical form", () => {
  const { verifier, asked } = counting();
  verifier.verify({ sha256: "00" }, GOOD);
  verifier.verify({ sha256: "00" }, GOOD);
  assert.throws(() => verifier.verify(encodeUtf8("x"), { odd: NaN }), { code: "bad_signature" });
  assert.equal(asked.length, 3);
});
