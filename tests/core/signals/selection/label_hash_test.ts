import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { encodeUtf8 } from "../../../../src/core/encoding.ts";
import { createLabelHash } from "../../../../src/core/signals/selection/label_hash.ts";

Deno.test("the hash of a label is HMAC-SHA-256, cut to 16 digits", async () => {
  const key = encodeUtf8("a key that nobody has");
  const hash = await createLabelHash(key);
  for (const value of ["", "customer-1", "ünïcödé", "x".repeat(5000), "customer-1"]) {
    const expected = createHmac("sha256", key).update(value).digest("hex").slice(0, 16);
    assert.equal(hash(value), expected);
  }
});

Deno.test("the hash of a label is another with another key", async () => {
  const [one, other] = await Promise.all(
    ["key number one, long", "key number two, long"].map((key) => createLabelHash(encodeUtf8(key))),
  );
  assert.notEqual(one!("customer-1"), other!("customer-1"));
});

Deno.test("the hash of a label stays the same when more values come than are remembered", async () => {
  const hash = await createLabelHash(encodeUtf8("a key that nobody has"));
  const first = hash("0");
  for (let i = 1; i <= 50_001; i++) hash(String(i));
  assert.equal(hash("0"), first);
});
