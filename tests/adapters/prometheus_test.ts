import assert from "node:assert/strict";
import { Peer } from "../../src/adapters/peer.ts";
import { type PrometheusOptions, PrometheusSource } from "../../src/adapters/prometheus.ts";
import type { SeriesHandler } from "../../src/core/signals/series_handler.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { startPrometheus } from "../../src/embedded/prometheus.ts";
import { serveTls } from "../../src/embedded/serve.ts";
import { StalledError, TransientError } from "../../src/errors.ts";
import { SecretMask } from "../../src/log.ts";
import { systemRandom } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { Collector } from "../core/signals/collector.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const pki = await createPki();
const clock = new FakeClock();
const START = clock.now() - 600_000;
const WINDOW = { startMs: START, endMs: START + 900, stepMs: 100 };
const signal = new AbortController().signal;
const NOTHING: SeriesHandler = {
  begin: () => false,
  float: () => {},
  histogram: () => {},
  end: () => {},
  drain: () => Promise.resolve(),
};

function connect(url: string, auth: PrometheusOptions = {}, more: Partial<{
  caPem: string;
  timeoutMs: number;
  maxResponseBytes: number;
}> = {}) {
  const runtime = { clock, random: systemRandom, files: systemFiles, http: systemHttp };
  const options = { timeoutMs: 10_000, maxResponseBytes: 1 << 20, caPem: pki.caPem, ...more };
  const peer = new Peer(runtime, { name: "Prometheus", baseUrl: url, ...options });
  const mask = new SecretMask();
  const source = new PrometheusSource(peer, systemFiles, auth, mask, systemRandom);
  return { source, mask, [Symbol.dispose]: () => peer.close() };
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("queryRange() reads exactly what Prometheus holds, on a sub-second grid", async () => {
  const prometheus = await startPrometheus({ pki, clock });
  using client = connect(prometheus.url);
  const collector = new Collector(WINDOW);
  const answer = await client.source.queryRange(
    { expr: "sim_queue_depth", window: WINDOW },
    collector,
    signal,
  );
  assert.ok(answer.kind === "series");
  assert.equal(answer.series, collector.series.length);
  const expected = prometheus.expected("sim_queue_depth", START, WINDOW.endMs, 100);
  assert.equal(answer.series, expected.length);
  for (const { labels, values } of collector.series) {
    const series = expected.find((one) =>
      JSON.stringify(Object.entries(one.labels).sort()) ===
        JSON.stringify(Object.entries(JSON.parse(labels)).sort())
    )!;
    const points = values!.flatMap((value, index) =>
      value === null ? [] : [[START + index * 100, String(value)]]
    );
    assert.deepEqual(points, series.values);
  }
  assert.equal(answer.sourceTimeMs, clock.now());
  await prometheus.close();
});

Deno.test("queryRange() sends a POST form with exact decimal seconds", async () => {
  let seen: { method: string; form: string; accept: string | null } | null = null;
  const server = await serveTls(pki, "prometheus", async (request) => {
    const accept = request.headers.get("accept-encoding");
    seen = { method: request.method, form: await request.text(), accept };
    return Response.json({ status: "success", data: { resultType: "matrix", result: [] } });
  });
  using client = connect(`${server.url}/prefix/`);
  const window = { startMs: 1_763_805_600_007, endMs: 1_763_805_600_014, stepMs: 7 };
  await client.source.queryRange({ expr: 'a{b="ü&="}', window }, NOTHING, signal);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(seen!.form)), {
    query: 'a{b="ü&="}',
    start: "1763805600.007",
    end: "1763805600.014",
    step: "0.007",
  });
  assert.equal(seen!.method, "POST");
  assert.equal(seen!.accept, "identity");
  using compressed = connect(server.url, { compression: "gzip" });
  await compressed.source.queryRange({ expr: "up", window }, NOTHING, signal);
  assert.equal(seen!.accept, "gzip");
  await server.close();
});

Deno.test("queryRange() reads a rotated bearer token anew, and masks it", async () => {
  await withFolder(async (folder) => {
    const prometheus = await startPrometheus({ pki, clock, bearerToken: "token-number-two" });
    const bearerTokenFile = `${folder}/token`;
    await Deno.writeTextFile(bearerTokenFile, "token-number-one\n");
    using client = connect(prometheus.url, { bearerTokenFile });
    const query = { expr: "sim_known", window: WINDOW };
    await assert.rejects(
      client.source.queryRange(query, NOTHING, signal),
      (error) => error instanceof StalledError && error.code === "access_denied",
    );
    await Deno.writeTextFile(bearerTokenFile, "token-number-two\n");
    assert.equal((await client.source.queryRange(query, NOTHING, signal)).kind, "series");
    assert.equal(client.mask.apply("token-number-one token-number-two"), "[masked] [masked]");
    await prometheus.close();
  });
});

Deno.test("queryRange() sends basic credentials", async () => {
  await withFolder(async (folder) => {
    let authorization: string | null = null;
    const server = await serveTls(pki, "prometheus", (request) => {
      authorization = request.headers.get("authorization");
      return Response.json({ status: "success", data: { resultType: "matrix", result: [] } });
    });
    await Deno.writeTextFile(`${folder}/password`, "pässword\n");
    const basicAuth = { username: "reader", passwordFile: `${folder}/password` };
    using client = connect(server.url, { basicAuth });
    await client.source.queryRange({ expr: "up", window: WINDOW }, NOTHING, signal);
    assert.equal(authorization, "Basic cmVhZGVyOnDDpHNzd29yZA==");
    assert.ok(!client.mask.apply(authorization!).includes("cmVhZ"));
    await server.close();
  });
});

Deno.test("queryRange() stalls, and names the file, when credentials cannot be used", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/two-lines`, "secret-line-one\nsecret-line-two\n");
    for (const name of ["missing", "two-lines"]) {
      using client = connect("https://127.0.0.1:9", { bearerTokenFile: `${folder}/${name}` });
      await assert.rejects(
        client.source.queryRange({ expr: "up", window: WINDOW }, NOTHING, signal),
        (error) =>
          error instanceof StalledError && error.code === "config_invalid" &&
          error.message.includes(`${folder}/${name}`) && !error.message.includes("secret-line"),
      );
    }
  });
});

Deno.test("queryRange() asks for less after 422, a byte cap, and its own timeout", async () => {
  const prometheus = await startPrometheus({ pki, clock });
  const query = { expr: "sim_wide", window: WINDOW };
  using small = connect(prometheus.url, {}, { maxResponseBytes: 2000 });
  assert.equal((await small.source.queryRange(query, NOTHING, signal)).kind, "too_large");
  using client = connect(prometheus.url);
  prometheus.settings.maxSamples = 10;
  assert.equal((await client.source.queryRange(query, NOTHING, signal)).kind, "too_large");
  const window = { startMs: 0, endMs: 11_001_000, stepMs: 1000 };
  const points = await client.source.queryRange({ expr: "sim_known", window }, NOTHING, signal);
  assert.ok(points.kind === "too_large" && points.detail.includes("11,000 points"));
  assert.equal(
    (await client.source.queryRange({ ...query, expr: "(" }, NOTHING, signal)).kind,
    "rejected",
  );
  await prometheus.close();

  // The request may come to the server after the client has given up.
  const released = Promise.withResolvers<void>();
  const silent = await serveTls(pki, "prometheus", async () => {
    await released.promise;
    return new Response(null);
  });
  using hasty = connect(silent.url, {}, { timeoutMs: 50 });
  assert.equal((await hasty.source.queryRange(query, NOTHING, signal)).kind, "timeout");
  released.resolve();
  await silent.close();
});

Deno.test("queryRange() calls outages transient, with the peer's Retry-After", async () => {
  const answers: [number, string, Record<string, string>][] = [
    [503, "Service Unavailable", { "x-prometheus-stopping": "true" }],
    [429, "", { "retry-after": "7" }],
    [500, '{"status":"error","errorType":"internal","error":"unavailable"}', {}],
    [502, "<html>bad gateway</html>", {}],
  ];
  let answer = answers[0]!;
  const server = await serveTls(
    pki,
    "prometheus",
    () => new Response(answer[1], { status: answer[0], headers: answer[2] }),
  );
  using client = connect(server.url);
  const query = { expr: "up", window: WINDOW };
  for (answer of answers) {
    const retryAfterMs = answer[0] === 429 ? 7000 : undefined;
    await assert.rejects(
      client.source.queryRange(query, NOTHING, signal),
      (error) => error instanceof TransientError && error.retryAfterMs === retryAfterMs,
    );
  }
  server.faults.reset();
  await assert.rejects(client.source.queryRange(query, NOTHING, signal), TransientError);
  await server.close();
  await assert.rejects(client.source.queryRange(query, NOTHING, signal), TransientError);
});

Deno.test("queryRange() stalls on a certificate that it cannot trust", async () => {
  const other = await createPki("Another CA");
  const prometheus = await startPrometheus({ pki, clock });
  using client = connect(prometheus.url, {}, { caPem: other.caPem });
  await assert.rejects(
    client.source.queryRange({ expr: "up", window: WINDOW }, NOTHING, signal),
    (error) => error instanceof StalledError && error.code === "tls_untrusted",
  );
  await prometheus.close();
});

Deno.test("queryRange() ends at once, with the reason, when it is aborted", async () => {
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => arrived = resolve);
  let release = () => {};
  const server = await serveTls(pki, "prometheus", () => {
    arrived();
    return new Promise<Response>((resolve) => {
      release = () => resolve(new Response(null));
    });
  });
  using client = connect(server.url);
  const abort = new AbortController();
  const query = client.source.queryRange({ expr: "up", window: WINDOW }, NOTHING, abort.signal);
  await arrival;
  const reason = new Error("the agent stops");
  abort.abort(reason);
  await assert.rejects(query, reason);
  release();
  await server.close();
});
