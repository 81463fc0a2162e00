import assert from "node:assert/strict";
import { PUBLIC_GOOD_ROOT_JSON } from "../../../src/core/verification/public_good.ts";
import { parseTrustedRoot } from "../../../src/core/verification/trusted_root.ts";

Deno.test("the built-in public-good root names both logs, their authorities and one for timestamps", () => {
  const material = parseTrustedRoot(PUBLIC_GOOD_ROOT_JSON, [
    "certificateAuthorities",
    "ctlogs",
    "tlogs",
    "timestampAuthorities",
  ]);
  assert.deepEqual(material.tlogs.map(({ baseURL }) => baseURL), [
    "https://rekor.sigstore.dev",
    "https://log2025-1.rekor.sigstore.dev",
  ]);
});

Deno.test("a trusted root's chain is verified once, and bundles' certificates each time", () => {
  const { certificateAuthorities } = parseTrustedRoot(PUBLIC_GOOD_ROOT_JSON, []);
  const [intermediate, root] = certificateAuthorities.at(-1)!.certChain;
  for (let time = 0; time < 2; time++) {
    assert.equal(intermediate!.verify(root), true);
    assert.equal(root!.verify(), true);
    assert.equal(root!.verify(intermediate), false);
    assert.equal(intermediate!.verify(intermediate!.clone()), false);
  }
});
