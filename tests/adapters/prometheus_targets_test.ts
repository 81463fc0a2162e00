import assert from "node:assert/strict";
import { Peer } from "../../src/adapters/peer.ts";
import { readScrapePools } from "../../src/adapters/prometheus_targets.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { startPrometheus } from "../../src/embedded/prometheus.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const pki = await createPki();

Deno.test("readScrapePools() gives each pool once, the slowest first; null from who does not say", async () => {
  const clock = new FakeClock();
  const prometheus = await startPrometheus({ pki, clock, bearerToken: "secret" });
  const peer = new Peer({ clock, http: systemHttp }, {
    name: "Prometheus",
    baseUrl: prometheus.url,
    caPem: pki.caPem,
    timeoutMs: 10_000,
    maxResponseBytes: 1 << 20,
  });
  const authorization = { authorization: "Bearer secret" };
  try {
    prometheus.settings.targets = [
      { scrapePool: "a", scrapeInterval: "15s" },
      { scrapePool: "b", scrapeInterval: "1m" },
      { scrapePool: "a", scrapeInterval: "30s" },
      { scrapePool: "c", scrapeInterval: "never" },
    ];
    assert.deepEqual(await readScrapePools(peer, authorization), [
      { name: "b", intervalMs: 60_000 },
      { name: "a", intervalMs: 30_000 },
    ]);
    assert.equal(await readScrapePools(peer, {}), null);
    prometheus.server.faults.answer(404, 1);
    assert.equal(await readScrapePools(peer, authorization), null);
    prometheus.settings.targets = "none" as never;
    assert.equal(await readScrapePools(peer, authorization), null);
    await prometheus.server.stop();
    assert.equal(await readScrapePools(peer, authorization), null);
  } finally {
    peer.close();
    await prometheus.close();
  }
});
