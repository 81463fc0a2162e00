import assert from "node:assert/strict";
import { createPki } from "../../src/embedded/pki.ts";
import { type EmbeddedPrometheus, startPrometheus } from "../../src/embedded/prometheus.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const pki = await createPki();

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function withPrometheus(
  work: (
    prometheus: EmbeddedPrometheus,
    call: (path: string, init?: RequestInit) => Promise<Answer>,
    clock: FakeClock,
  ) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const prometheus = await startPrometheus({ pki, clock });
  const client = systemHttp.client({ caPem: pki.caPem });
  try {
    await work(prometheus, async (path, init = {}) => {
      const response = await client.fetch(prometheus.url + path, init);
      return { status: response.status, headers: response.headers, text: await response.text() };
    }, clock);
  } finally {
    client.close();
    await prometheus.close();
  }
}

function form(fields: Record<string, string | number>): RequestInit {
  const entries = Object.entries(fields).map(([key, value]): [string, string] => [key, `${value}`]);
  return { method: "POST", body: new URLSearchParams(entries) };
}

Deno.test("the embedded Prometheus answers GET and POST alike, with what expected() says", () =>
  withPrometheus(async (prometheus, call, clock) => {
    const end = clock.now() / 1000;
    const fields = { query: 'sim_latency{route="/pay"}', start: end - 60, end, step: "1500ms" };
    const posted = await call("/api/v1/query_range", form(fields));
    const query = new URLSearchParams(form(fields).body as URLSearchParams);
    const got = await call(`/api/v1/query_range?${query}`);
    assert.equal(posted.text, got.text);
    assert.equal(posted.status, 200);
    const { data } = JSON.parse(posted.text);
    const expected = prometheus.expected(fields.query, (end - 60) * 1000, end * 1000, 1500);
    assert.equal(data.resultType, "matrix");
    assert.deepEqual(
      data.result,
      expected.map(({ labels, values, histograms }) => ({
        metric: labels,
        values: values.map(([ms, value]) => [ms / 1000, value]),
        histograms: histograms.map(([ms, value]) => [ms / 1000, value]),
      })),
    );
    assert.equal(posted.headers.get("date"), new Date(clock.now()).toUTCString());
  }));

Deno.test("the embedded Prometheus holds special floats, absent points and nothing of the future", () =>
  withPrometheus(async (prometheus, call, clock) => {
    const now = clock.now();
    const [fast] = prometheus.expected('sim_queue_depth{queue="fast"}', now - 900_000, now, 1000);
    const texts = new Set(fast!.values.map(([, value]) => value));
    for (const special of ["NaN", "+Inf", "-Inf"]) assert.ok(texts.has(special), special);
    assert.ok(fast!.values.length > 800 && fast!.values.length < 900);
    const ahead = { query: "sim_known", start: now / 1000, end: now / 1000 + 60, step: 15 };
    const { data } = JSON.parse((await call("/api/v1/query_range", form(ahead))).text);
    assert.deepEqual(data.result[0].values, [[now / 1000, "0.1"]]);
  }));

Deno.test("the embedded Prometheus refuses as the real one does", () =>
  withPrometheus(async (prometheus, call) => {
    const good = { query: "sim_known", start: 0, end: 11_000, step: 1 };
    assert.equal((await call("/api/v1/query_range", form(good))).status, 200);
    const refused: [Record<string, string | number>, RegExp][] = [
      [{ ...good, end: 11_001 }, /exceeded maximum resolution of 11,000 points/],
      [{ ...good, query: "sum(" }, /invalid parameter .*query.*parse error/],
      [{ ...good, start: "yesterday" }, /invalid parameter .*start/],
      [{ ...good, end: -1 }, /invalid parameter .*end/],
      [{ ...good, start: 12_000 }, /before start time/],
      [{ ...good, step: 0 }, /zero or negative/],
    ];
    for (const [fields, pattern] of refused) {
      const { status, text } = await call("/api/v1/query_range", form(fields));
      assert.equal(status, 400);
      assert.equal(JSON.parse(text).errorType, "bad_data");
      assert.match(JSON.parse(text).error, pattern);
    }
    prometheus.settings.maxSamples = 10;
    assert.equal((await call("/api/v1/query_range", form(good))).status, 422);
    prometheus.settings.agentMode = true;
    const { status, text } = await call("/api/v1/query_range", form(good));
    assert.deepEqual([status, JSON.parse(text).errorType], [422, "execution"]);
  }));

Deno.test("the embedded Prometheus says that it is ready and who it is", () =>
  withPrometheus(async (_, call) => {
    assert.equal((await call("/-/ready")).status, 200);
    const info = JSON.parse((await call("/api/v1/status/buildinfo")).text);
    assert.equal(info.status, "success");
    assert.equal((await call("/nowhere")).status, 404);
  }));
