import assert from "node:assert/strict";
import fc from "fast-check";
import { CommandStream } from "../../src/adapters/command_stream.ts";
import type { Command } from "../../src/core/command.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const SIGNAL = new AbortController().signal;

/** Feeds the bytes of an event stream, cut where the test says. */
async function readAll(chunks: Uint8Array[]): Promise<Command[]> {
  const source = {
    ready: () => Promise.resolve(),
    pollCommands: () => Promise.resolve([]),
    openCommands: () =>
      Promise.resolve(
        new Response(ReadableStream.from(chunks), {
          headers: { "content-type": "text/event-stream; charset=utf-8" },
        }),
      ),
  };
  const events = await new CommandStream(new FakeClock(), source).stream(null, SIGNAL);
  return await Array.fromAsync(events!);
}

function cut(bytes: Uint8Array, at: number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % bytes.length).sort((a, b) => a - b)];
  return places.map((place, index) => bytes.slice(place, places[index + 1] ?? bytes.length));
}

Deno.test("CommandStream yields the same commands however the bytes are cut", async () => {
  const data = fc.string({ unit: "grapheme" });
  await fc.assert(
    fc.asyncProperty(
      fc.array(data, { maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      async (texts, cuts) => {
        const commands = texts.map((text, n) => ({ id: `id-${n}`, type: "execute", data: text }));
        const stream = commands.map(({ id, type, data }) =>
          `: keep-alive\n\nid: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
        ).join("");
        assert.deepEqual(await readAll(cut(encodeUtf8(`:\n\n${stream}`), cuts)), commands);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("CommandStream hands on text that is no JSON, for the handler to refuse", async () => {
  const [command] = await readAll([encodeUtf8("id: 1\nevent: execute\ndata: {broken\n\n")]);
  assert.deepEqual(command, { id: "1", type: "execute", data: "{broken" });
});

Deno.test("CommandStream passes over events that could not be acknowledged", async () => {
  const long = "x".repeat(257);
  const stream = `data: 1\n\nid: ${long}\ndata: 2\n\nid: good\ndata: 3\n\n`;
  assert.deepEqual(await readAll([encodeUtf8(stream)]), [
    { id: "good", type: "message", data: 3 },
  ]);
});

Deno.test("CommandStream does not deliver half an event when the stream ends", async () => {
  assert.deepEqual(await readAll([encodeUtf8("id: 1\nevent: execute\ndata: {}\n")]), []);
});

Deno.test("CommandStream ends on abort after the response was collected", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const silent = new ReadableStream({ start: (body) => body.enqueue(encodeUtf8(":\n\n")) });
    return new Response(silent, { headers: { "content-type": "text/event-stream" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const source = {
    ready: () => Promise.resolve(),
    pollCommands: () => Promise.resolve([]),
    openCommands: (_after: string | null, signal: AbortSignal) => fetch(url, { signal }),
  };
  const stop = new AbortController();
  const events = await new CommandStream(new FakeClock(), source).stream(null, stop.signal);
  const end = assert.rejects(Array.fromAsync(events!), /enough/);
  for (let round = 0; round < 40; round++) {
    Array.from({ length: 200_000 }, () => ({}));
    await new Promise((resolve) => setTimeout(resolve));
  }
  stop.abort(new Error("enough"));
  await end;
  await server.shutdown();
});
