import assert from "node:assert/strict";
import {
  parseSegmentFileName,
  parseShippedKey,
  segmentFileName,
  shippedKey,
} from "../../../src/core/audit/segment.ts";

const CHAIN = "ab".repeat(32);

Deno.test("segment names come back as they were, and order by sequence", () => {
  const names = [1, 9, 10, 123_456].map((firstSequence) => ({ firstSequence, day: "2026-11-22" }));
  const files = names.map(segmentFileName);
  assert.deepEqual(files.map(parseSegmentFileName), names);
  assert.deepEqual(files.toSorted(), files);
  for (const other of ["base.json", `${files[0]}.shipped`, `x${files[0]}`]) {
    assert.equal(parseSegmentFileName(other), null);
  }
});

Deno.test("archive keys come back as they were, with any prefix", () => {
  const segment = { chainId: CHAIN, day: "2026-11-22", firstSequence: 4, lastSequence: 17 };
  for (const prefix of ["", "audit", "a/b", "a/b/", "/a"]) {
    const key = `${shippedKey(prefix, CHAIN, segment)}.jsonl`;
    assert.ok(!key.startsWith("/") && !key.includes("//"), key);
    assert.deepEqual(parseShippedKey(prefix, key), { ...segment, kind: "jsonl" });
  }
  assert.equal(parseShippedKey("audit", `${shippedKey("other", CHAIN, segment)}.jsonl`), null);
});
