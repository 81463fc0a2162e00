import assert from "node:assert/strict";
import fc from "fast-check";
import { readBounded } from "../../src/core/bounded_read.ts";
import {
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
  encodeUtf8,
  sha256,
  sha256Hex,
} from "../../src/core/encoding.ts";

function streamOf(chunks: readonly Uint8Array[]) {
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[seen.pulled++];
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
    cancel: () => void (seen.cancelled = true),
  }, { highWaterMark: 0 });
  return { stream, seen };
}

Deno.test("readBounded reads a stream whole, up to the limit and not a byte more", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 }),
    fc.nat(150),
    async (chunks, limit) => {
      const whole = chunks.flatMap((chunk) => [...chunk]);
      const reading = readBounded(streamOf(chunks).stream, limit, "the body");
      if (whole.length > limit) await assert.rejects(reading, { code: "too_large" });
      else assert.deepEqual([...await reading], whole);
    },
  ));
});

Deno.test("readBounded stops asking, and cancels, once it is too much", async () => {
  const { stream, seen } = streamOf(Array(1000).fill(new Uint8Array(10)));
  await assert.rejects(readBounded(stream, 25, "the body"), /the body is larger than 25 bytes/);
  assert.deepEqual(seen, { pulled: 3, cancelled: true });
});

Deno.test("readBounded takes no body for an empty one", async () => {
  assert.equal((await readBounded(null, 0, "the body")).length, 0);
});

Deno.test("decodeBase64 takes exactly what encodeBase64 writes", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.deepEqual([...decodeBase64(encodeBase64(bytes))], [...bytes]);
    assert.equal(
      encodeBase64Url(bytes),
      encodeBase64(bytes).replaceAll("+", "-")
        .replaceAll("/", "_").replaceAll("=", ""),
    );
  }));
  for (const text of ["A", "AA", "AA=", "AB==", "A-_=", "AAAA=", "AA==AAAA"]) {
    assert.throws(() => decodeBase64(text), SyntaxError, text);
  }
});

Deno.test("decodeUtf8 refuses other bytes and keeps every character", () => {
  assert.throws(() => decodeUtf8(new Uint8Array([0xc3, 0x28])), TypeError);
  assert.equal(decodeUtf8(encodeUtf8("\uFEFFä漢🙂")), "\uFEFFä漢🙂");
});

Deno.test("sha256 is SHA-256 (FIPS 180-4 example)", () => {
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(sha256Hex("abc"), expected);
  assert.equal(encodeHex(sha256(encodeUtf8("abc"))), expected);
});
