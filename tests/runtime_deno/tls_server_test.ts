import assert from "node:assert/strict";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { createPki } from "../../src/embedded/pki.ts";
import type { TlsServer } from "../../src/runtime.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { serveTls } from "../../src/runtime_deno/tls_server.ts";

const before = await createPki();
const after = await createPki();

/** No wait at all: a request that takes longer than the wait for it. */
const OUTLASTED_MS = 0;

/** Which of the two authorities vouches for a connection that is made now; null for neither. */
async function servedBy(server: TlsServer): Promise<"before" | "after" | null> {
  for (const [name, { caPem }] of [["before", before], ["after", after]] as const) {
    const client = systemHttp.client({ caPem });
    try {
      await (await client.fetch(`https://127.0.0.1:${server.port}/`, {})).text();
      return name;
    } catch {
      // Not this one.
    } finally {
      client.close();
    }
  }
  return null;
}

Deno.test("a server renews its certificate on the same port, and answers what it has begun", async () => {
  const begun = Promise.withResolvers<void>();
  const enough = Promise.withResolvers<void>();
  const pair = await before.issue("connector");
  const server = serveTls(
    { address: "127.0.0.1", port: 0, ...pair },
    async (request) => {
      if (!request.url.endsWith("/slow")) return new Response("quick");
      begun.resolve();
      await enough.promise;
      return new Response("slow");
    },
    OUTLASTED_MS,
  );
  const { port } = server;
  const client = systemHttp.client({ caPem: before.caPem });
  try {
    assert.equal(await servedBy(server), "before");
    const slow = client.fetch(`https://127.0.0.1:${port}/slow`, {});
    await begun.promise;
    await server.renew(await after.issue("connector"));
    assert.equal(server.port, port);
    assert.equal(await servedBy(server), "after");
    enough.resolve();
    assert.equal(await (await slow).text(), "slow");
    await server.renew(pair);
    assert.equal(await servedBy(server), "before");
  } finally {
    client.close();
    await server.close();
  }
  assert.equal(await servedBy(server), null);
});

Deno.test("a server that is closed waits for requests of before a renewal too", async () => {
  const begun = Promise.withResolvers<void>();
  const enough = Promise.withResolvers<void>();
  const server = serveTls(
    { address: "127.0.0.1", port: 0, ...await before.issue("connector") },
    async () => {
      begun.resolve();
      await enough.promise;
      return new Response("slow");
    },
    OUTLASTED_MS,
  );
  const client = systemHttp.client({ caPem: before.caPem });
  const slow = client.fetch(`https://127.0.0.1:${server.port}/`, {});
  await begun.promise;
  await server.renew(await after.issue("connector"));
  let isClosed = false;
  const closed = server.close().then(() => isClosed = true);
  assert.equal(isClosed, false);
  enough.resolve();
  assert.equal(await (await slow).text(), "slow");
  await closed;
  client.close();
});

Deno.test("a server that renews its certificate waits for a body that is on its way", async () => {
  const begun = Promise.withResolvers<void>();
  const server = serveTls(
    { address: "127.0.0.1", port: 0, ...await before.issue("connector") },
    async (request) => {
      if (request.body === null) return new Response("quick");
      begun.resolve();
      return new Response(await request.text());
    },
  );
  const client = systemHttp.client({ caPem: before.caPem });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answer = client.fetch(`https://127.0.0.1:${server.port}/`, {
    method: "POST",
    body: readable,
  });
  await writer.write(encodeUtf8("one, "));
  await begun.promise;
  const renewed = server.renew(await after.issue("connector"));
  assert.equal(await servedBy(server), "before");
  await writer.write(encodeUtf8("two"));
  await writer.close();
  assert.equal(await (await answer).text(), "one, two");
  await renewed;
  assert.equal(await servedBy(server), "after");
  client.close();
  await server.close();
});

Deno.test("a server refuses a pair that is none, and goes on with the one it has", async () => {
  const { certPem, keyPem } = await after.issue("connector");
  const other = await after.issue("connector");
  const server = serveTls(
    { address: "127.0.0.1", port: 0, ...await before.issue("connector") },
    () => new Response("ok"),
  );
  try {
    for (
      const pair of [
        { certPem, keyPem: other.keyPem },
        { certPem: certPem.slice(0, 200), keyPem },
        { certPem, keyPem: keyPem.slice(0, 80) },
        { certPem: "", keyPem: "" },
      ]
    ) {
      await assert.rejects(server.renew(pair), { code: "config_invalid" });
      assert.equal(await servedBy(server), "before");
    }
  } finally {
    await server.close();
  }
});
