/** How the body of an answer is read: piece by piece, never further than needed, on connections that are used again. */
import assert from "node:assert/strict";
import { Peer } from "../../src/adapters/peer.ts";
import { PrometheusSource } from "../../src/adapters/prometheus.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { SeriesHandler } from "../../src/core/signals/series_handler.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { InvalidInputError, TransientError } from "../../src/errors.ts";
import { SecretMask } from "../../src/log.ts";
import { systemClock, systemRandom } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";

const pki = await createPki();
const START = 1_763_805_600_000;
const QUERY = { expr: "up", window: { startMs: START, endMs: START, stepMs: 1000 } };
const signal = new AbortController().signal;
const NOTHING: SeriesHandler = {
  begin: () => false,
  float: () => {},
  histogram: () => {},
  end: () => {},
  drain: () => Promise.resolve(),
};

function connect(url: string, more: { timeoutMs?: number; maxResponseBytes?: number } = {}) {
  const peer = new Peer({ clock: systemClock(), http: systemHttp }, {
    name: "Prometheus",
    baseUrl: url,
    caPem: pki.caPem,
    timeoutMs: 10_000,
    maxResponseBytes: 1 << 28,
    ...more,
  });
  const source = new PrometheusSource(peer, systemFiles, {}, new SecretMask(), systemRandom);
  return { source, [Symbol.dispose]: () => peer.close() };
}

/** A server that says on how many connections it was asked. */
async function serveCounted(handler: () => Response) {
  const { certPem, keyPem } = await pki.issue("prometheus");
  const ports = new Set<number>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: certPem,
    key: keyPem,
    onListen: () => {},
  }, async (request, { remoteAddr }) => {
    await request.body?.cancel();
    ports.add(remoteAddr.port);
    return handler();
  });
  return { url: `https://127.0.0.1:${server.addr.port}`, ports, close: () => server.shutdown() };
}

function answerText(series: number): string {
  const all = Array.from(
    { length: series },
    (_, n) => `{"metric":{"n":"${n}"},"values":[[${START / 1000},"${n}"]]}`,
  );
  return `{"status":"success","data":{"resultType":"matrix","result":[${all}]}}`;
}

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("queryRange() asks again on the same connection, after answers and after errors", async () => {
  const answers = [
    () => new Response(answerText(20_000), { headers: JSON_TYPE }),
    () => Response.json({ status: "error", errorType: "execution", error: "no" }, { status: 422 }),
  ];
  let asked = 0;
  const server = await serveCounted(() => answers[asked++ % 2]!());
  using client = connect(server.url);
  const kinds = [];
  for (let i = 0; i < 20; i++) {
    kinds.push((await client.source.queryRange(QUERY, NOTHING, signal)).kind);
  }
  assert.deepEqual(kinds, Array(10).fill(["series", "rejected"]).flat());
  // The next question may come before the connection is known to be free.
  assert.ok(server.ports.size < 10, `${server.ports.size} connections`);
  await server.close();
});

Deno.test("queryRange() goes on after answers that it did not read to their end", async () => {
  const server = await serveCounted(() => new Response(answerText(50_000), { headers: JSON_TYPE }));
  using small = connect(server.url, { maxResponseBytes: 100_000 });
  for (let i = 0; i < 5; i++) {
    assert.equal((await small.source.queryRange(QUERY, NOTHING, signal)).kind, "too_large");
  }
  using client = connect(server.url);
  const full: SeriesHandler = {
    ...NOTHING,
    drain: () => Promise.reject(new InvalidInputError("too_large", "full")),
  };
  assert.deepEqual(await client.source.queryRange(QUERY, full, signal), {
    kind: "too_large",
    detail: "full",
  });
  const bug = new TypeError("x is not a function");
  const broken: SeriesHandler = { ...NOTHING, drain: () => Promise.reject(bug) };
  await assert.rejects(client.source.queryRange(QUERY, broken, signal), bug);
  const whole = await client.source.queryRange(QUERY, NOTHING, signal);
  assert.ok(whole.kind === "series" && whole.series === 50_000);
  await server.close();
});

Deno.test("queryRange() reads what a proxy compressed although it was not asked to", async () => {
  let encoding: "gzip" | "deflate" = "gzip";
  let pieces = (body: ReadableStream<BufferSource>) =>
    body.pipeThrough(new CompressionStream(encoding));
  const server = await serveCounted(() =>
    new Response(pieces(new Response(answerText(5000)).body!), {
      headers: { ...JSON_TYPE, "content-encoding": encoding },
    })
  );
  using client = connect(server.url);
  for (encoding of ["gzip", "deflate"] as const) {
    const answer = await client.source.queryRange(QUERY, NOTHING, signal);
    assert.ok(answer.kind === "series" && answer.series === 5000);
  }
  pieces = (body) => body as ReadableStream<Uint8Array<ArrayBuffer>>;
  await assert.rejects(client.source.queryRange(QUERY, NOTHING, signal), TransientError);
  await server.close();
});

Deno.test("queryRange() takes an answer that stops in the middle for none", async () => {
  const text = answerText(5000);
  let end: (controller: ReadableStreamDefaultController<Uint8Array>) => void = () => {};
  const server = await serveCounted(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(encodeUtf8(text.slice(0, 70_000))),
        pull: (controller) => end(controller),
      }),
      { headers: JSON_TYPE },
    )
  );
  using hasty = connect(server.url, { timeoutMs: 300 });
  const silent = await hasty.source.queryRange(QUERY, NOTHING, signal);
  assert.equal(silent.kind, "timeout");
  using client = connect(server.url);
  end = (controller) => controller.error();
  await assert.rejects(client.source.queryRange(QUERY, NOTHING, signal), TransientError);
  end = (controller) => controller.close();
  await assert.rejects(
    client.source.queryRange(QUERY, NOTHING, signal),
    (error) => error instanceof InvalidInputError && error.code === "malformed_answer",
  );
  const abort = new AbortController();
  const reason = new Error("the agent stops");
  end = () => abort.abort(reason);
  await assert.rejects(client.source.queryRange(QUERY, NOTHING, abort.signal), reason);
  await server.close();
});

Deno.test("queryRange() reads no more of an error than it needs", async () => {
  const endless = () =>
    new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
  let status = 422;
  const server = await serveCounted(() => new Response(endless(), { status }));
  using client = connect(server.url);
  assert.equal((await client.source.queryRange(QUERY, NOTHING, signal)).kind, "rejected");
  status = 500;
  await assert.rejects(client.source.queryRange(QUERY, NOTHING, signal), TransientError);
  status = 200;
  await assert.rejects(
    client.source.queryRange(QUERY, NOTHING, signal),
    (error) => error instanceof InvalidInputError && error.code === "malformed_answer",
  );
  await server.close();
});
