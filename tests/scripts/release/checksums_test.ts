import assert from "node:assert/strict";
import { formatChecksums, sha256 } from "../../../scripts/release/checksums.ts";

Deno.test("formatChecksums() writes what sha256sum reads, sorted by path", () => {
  const digest = sha256(new TextEncoder().encode("abc"));
  assert.equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(
    formatChecksums(new Map([["b", digest], ["a/b", digest]])),
    `${digest}  a/b\n${digest}  b\n`,
  );
});
