import assert from "node:assert/strict";
import { readEvents, type WatchEvent } from "../../../src/adapters/kubernetes/watch_events.ts";
import { encodeUtf8 } from "../../../src/core/encoding.ts";

const WHAT = "watch Lease shop/connector";
const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

async function read(...chunks: (string | Uint8Array<ArrayBuffer>)[]): Promise<WatchEvent[]> {
  const body = ReadableStream.from(
    chunks.map((chunk) => typeof chunk === "string" ? encodeUtf8(chunk) : chunk),
  );
  return await Array.fromAsync(readEvents(body, WHAT, new AbortController().signal));
}

Deno.test("events come whole, however the connection cut them up", async () => {
  const text = event("ADDED", { name: "ä" }) + event("MODIFIED", { name: "b" });
  const bytes = encodeUtf8(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(await read(bytes.slice(0, cut), bytes.slice(cut)), [
      { type: "ADDED", object: { name: "ä" } },
      { type: "MODIFIED", object: { name: "b" } },
    ]);
  }
});

Deno.test("an event that was cut off by the end is none", async () => {
  assert.deepEqual(await read(event("ADDED", {}), '{"type":"MODIF'), [{
    type: "ADDED",
    object: {},
  }]);
});

Deno.test("a history that is gone (410) ends the watch, any other ERROR is thrown as such", async () => {
  assert.deepEqual(await read(event("ADDED", {}), event("ERROR", { code: 410 })), [
    { type: "ADDED", object: {} },
  ]);
  await assert.rejects(read(event("ERROR", { code: 500, message: "etcd is away" })), {
    code: "unavailable",
    message: `${WHAT}: etcd is away`,
  });
});

for (
  const [what, bad] of Object.entries({
    "no JSON": "nonsense\n",
    "no object": "[]\n",
    "no type": '{"object":{}}\n',
    "a type that is no text": '{"type":1,"object":{}}\n',
    "no UTF-8": new Uint8Array([0xff, 0x0a]),
  })
) {
  Deno.test(`an event with ${what} is a malformed answer`, async () => {
    await assert.rejects(read(bad), { code: "malformed_answer", message: /^watch Lease shop/ });
  });
}

Deno.test("an event without an end is given up at four million characters", async () => {
  const chunk = "x".repeat(1024 * 1024);
  await assert.rejects(read(...Array(5).fill(chunk)), { code: "too_large" });
});

Deno.test("the signal breaks off a watch that is silent", async () => {
  const leaving = new AbortController();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
  const next = readEvents(body, WHAT, leaving.signal).next();
  leaving.abort(new DOMException("left", "AbortError"));
  await assert.rejects(next, { name: "AbortError" });
  assert.ok(isCancelled);
});
