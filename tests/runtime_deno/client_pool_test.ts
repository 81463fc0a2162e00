import assert from "node:assert/strict";
import { ClientPool, POOL_IDLE_MS } from "../../src/runtime_deno/client_pool.ts";

type Answer = (request: Request, remote: Deno.NetAddr) => Response;

interface World {
  readonly pool: ClientPool;
  readonly url: string;
  /** Deno clients made so far. */
  made: number;
  nowMs: number;
}

async function withPool(answer: Answer, work: (world: World) => Promise<void>): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request, { remoteAddr }) => answer(request, remoteAddr),
  );
  const create = () => {
    world.made += 1;
    return Deno.createHttpClient({ http2: false });
  };
  const world = { made: 0, nowMs: 0, url: `http://127.0.0.1:${server.addr.port}` };
  const pool = new ClientPool(create, () => world.nowMs);
  try {
    await work(Object.assign(world, { pool }));
  } finally {
    pool.close();
    await server.shutdown();
  }
}

const remotePort: Answer = (_request, { port }) => new Response(String(port));

Deno.test("a client pool sends one request after the other over one connection", () =>
  withPool(remotePort, async ({ pool, url }) => {
    const get = async () => await (await pool.fetch(url, {})).text();
    const first = await get();
    assert.equal(await get(), first);
    assert.equal(await get(), first);
  }));

Deno.test("a client pool has a client for each request that is under way, and no more", () =>
  withPool(remotePort, async (world) => {
    const get = async () => await (await world.pool.fetch(world.url, {})).text();
    const ports = await Promise.all([get(), get(), get()]);
    assert.equal(new Set(ports).size, 3);
    assert.equal(world.made, 3);
    assert.ok(ports.includes(await get()));
    assert.equal(world.made, 3);
  }));

Deno.test("a client pool makes a new client when those that it has were idle for too long", () =>
  withPool(remotePort, async (world) => {
    const get = async () => await (await world.pool.fetch(world.url, {})).text();
    await get();
    world.nowMs += POOL_IDLE_MS - 1;
    await get();
    assert.equal(world.made, 1);
    world.nowMs += POOL_IDLE_MS;
    await get();
    assert.equal(world.made, 2);
  }));

Deno.test("a client pool lets an answer go on when its client has become too old", async () => {
  const inBody = Promise.withResolvers<void>();
  const stream: Answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("begun, ")),
        async pull(controller) {
          await inBody.promise;
          controller.enqueue(new TextEncoder().encode("ended"));
          controller.close();
        },
      }),
    );
  await withPool(stream, async (world) => {
    const first = await world.pool.fetch(world.url, {});
    world.nowMs += POOL_IDLE_MS;
    const second = await world.pool.fetch(world.url, {});
    assert.equal(world.made, 2);
    inBody.resolve();
    assert.equal(await first.text(), "begun, ended");
    assert.equal(await second.text(), "begun, ended");
  });
});

Deno.test("a client pool gives up the client whose request failed", () =>
  withPool(remotePort, async (world) => {
    const refused = "http://127.0.0.1:1";
    await assert.rejects(world.pool.fetch(refused, {}), TypeError);
    await (await world.pool.fetch(world.url, {})).text();
    assert.equal(world.made, 2);
  }));

Deno.test("a client pool fetches nothing more once it is closed", () =>
  withPool(remotePort, async (world) => {
    world.pool.close();
    await assert.rejects(world.pool.fetch(world.url, {}), /closed/);
    assert.equal(world.made, 1);
  }));
