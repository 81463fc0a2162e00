import assert from "node:assert/strict";
import { BodyReader } from "../../src/adapters/body_reader.ts";

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

async function readAll(reader: BodyReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await reader.read(); piece; piece = await reader.read()) {
    text += decoder.decode(piece, { stream: true });
  }
  return text;
}

const plainStream = (text: string): Body =>
  new ReadableStream({
    start(controller) {
      for (const word of text.split(" ")) controller.enqueue(new TextEncoder().encode(word));
      controller.close();
    },
  });

Deno.test("BodyReader reads bodies of either kind, and none", async () => {
  const long = "0123456789".repeat(50_000);
  assert.equal(await readAll(new BodyReader(new Response(long).body)), long);
  assert.equal(await readAll(new BodyReader(plainStream("a b c"))), "abc");
  assert.equal(await readAll(new BodyReader(null)), "");
});

Deno.test("BodyReader cancels what was not read, once, and nothing that has ended", async () => {
  for (const type of [undefined, "bytes"] as const) {
    const cancelled: unknown[] = [];
    // deno-lint-ignore no-explicit-any
    const source: any = {
      type,
      // deno-lint-ignore no-explicit-any
      pull: (controller: any) => controller.enqueue(new Uint8Array(10)),
      cancel: (reason: unknown) => void cancelled.push(reason),
    };
    const reader = new BodyReader(new ReadableStream(source) as Body);
    assert.equal((await reader.read())?.length, 10);
    await reader.cancel();
    await reader.cancel();
    assert.equal(cancelled.length, 1);
    assert.equal(await reader.read(), null);
  }
  const ended = new BodyReader(plainStream("a"));
  await readAll(ended);
  await ended.cancel();
});

Deno.test("BodyReader throws what the stream throws, and has ended then", async () => {
  const broken = new BodyReader(
    new ReadableStream({ pull: (controller) => controller.error(new RangeError("broken")) }),
  );
  await assert.rejects(broken.read(), RangeError);
  await broken.cancel();
  assert.equal(await broken.read(), null);
});
