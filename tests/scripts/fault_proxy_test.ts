import assert from "node:assert/strict";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A server that sends back what it gets, and says how its connections ended. */
async function withEcho(
  work: (proxy: FaultProxy, ends: string[]) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ends: string[] = [];
  const serving = (async () => {
    for await (const socket of listener) {
      const echo = socket.readable.pipeTo(socket.writable);
      echo.then(() => ends.push("end"), (error) => ends.push(error.name));
    }
  })();
  try {
    await using proxy = await FaultProxy.start(`http://127.0.0.1:${listener.addr.port}`);
    await work(proxy, ends);
  } finally {
    listener.close();
    await serving;
  }
}

async function withClient(
  proxy: FaultProxy,
  work: (socket: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(proxy.url).port),
  });
  try {
    await work(socket);
  } finally {
    socket.close();
  }
}

/** Up to `bytes`; what was there when the other side ended. */
async function readText(socket: Deno.TcpConn, bytes: number): Promise<string> {
  const buffer = new Uint8Array(bytes);
  let count = 0;
  while (count < bytes) {
    const read = await socket.read(buffer.subarray(count));
    if (read === null) break;
    count += read;
  }
  return new TextDecoder().decode(buffer.subarray(0, count));
}

Deno.test("fault proxy without faults lets everything through, ends included", () =>
  withEcho((proxy, ends) =>
    withClient(proxy, async (socket) => {
      const text = "x".repeat(3_000_000);
      const writing = socket.write(encode(text.slice(0, 5)));
      assert.equal(await readText(socket, 5), "xxxxx");
      await writing;
      const sent = new Blob([text]).stream().pipeTo(socket.writable, { preventClose: true });
      assert.equal(await readText(socket, text.length), text);
      await sent;
      await socket.closeWrite();
      assert.equal(await readText(socket, 1), "");
      assert.deepEqual(ends, ["end"]);
    })
  ));

Deno.test("fault proxy delays each way, and throttles", () =>
  withEcho((proxy) =>
    withClient(proxy, async (socket) => {
      proxy.requests.latencyMs = 60;
      proxy.answers.latencyMs = 60;
      let begunMs = Date.now();
      await socket.write(encode("late"));
      assert.equal(await readText(socket, 4), "late");
      assert.ok(Date.now() - begunMs >= 120, `${Date.now() - begunMs} ms`);
      await proxy.heal();
      proxy.answers.bytesPerSecond = 10_000;
      begunMs = Date.now();
      await socket.write(encode("s".repeat(3000)));
      await readText(socket, 3000);
      assert.ok(Date.now() - begunMs >= 200, `${Date.now() - begunMs} ms`);
    })
  ));

Deno.test("fault proxy cuts with an end after a count of bytes", () =>
  withEcho((proxy) =>
    withClient(proxy, async (socket) => {
      proxy.answers.cutAfterBytes = 4;
      await socket.write(encode("0123456789"));
      assert.equal(await readText(socket, 10), "0123");
    })
  ));

Deno.test("fault proxy cuts on command with an end, and resets with a reset", () =>
  withEcho(async (proxy) => {
    await withClient(proxy, async (socket) => {
      await socket.write(encode("a"));
      assert.equal(await readText(socket, 1), "a");
      proxy.cut();
      assert.equal(await readText(socket, 1), "");
    });
    await withClient(proxy, async (socket) => {
      await socket.write(encode("a"));
      assert.equal(await readText(socket, 1), "a");
      proxy.reset();
      await assert.rejects(readText(socket, 1), Deno.errors.ConnectionReset);
    });
  }));

Deno.test("fault proxy holds everything back while it is stalled, and nothing is lost", () =>
  withEcho((proxy) =>
    withClient(proxy, async (socket) => {
      proxy.stall();
      await socket.write(encode("held"));
      let hasCome = false;
      const reading = readText(socket, 4).then((text) => {
        hasCome = true;
        return text;
      });
      // Another connection, there and back, is time enough for a byte that is not held.
      await withClient(proxy, () => Promise.resolve());
      assert.equal(hasCome, false);
      proxy.resume();
      assert.equal(await reading, "held");
    })
  ));

Deno.test("fault proxy refuses new connections and keeps the open ones", () =>
  withEcho((proxy) =>
    withClient(proxy, async (socket) => {
      await socket.write(encode("a"));
      assert.equal(await readText(socket, 1), "a");
      proxy.refuse();
      await assert.rejects(
        withClient(proxy, () => Promise.resolve()),
        Deno.errors.ConnectionRefused,
      );
      await socket.write(encode("b"));
      assert.equal(await readText(socket, 1), "b");
      const { url } = proxy;
      await proxy.accept();
      assert.equal(proxy.url, url);
      await withClient(proxy, async (other) => {
        await other.write(encode("c"));
        assert.equal(await readText(other, 1), "c");
      });
    })
  ));
