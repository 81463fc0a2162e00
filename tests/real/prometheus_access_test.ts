/** A real Prometheus that asks for a client certificate and a password, behind a proxy that asks for one too. */
import assert from "node:assert/strict";
import { Peer } from "../../src/adapters/peer.ts";
import { PrometheusSource } from "../../src/adapters/prometheus.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { SecretMask } from "../../src/log.ts";
import type { HttpClientOptions } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { Collector } from "../core/signals/collector.ts";
import { startConnectProxy } from "../fakes/connect_proxy.ts";
import { PASSWORD, startGuarded, USER } from "./guarded_prometheus.ts";
import { realTest } from "./peers.ts";
import { receivedRange, receivedUntil } from "./received.ts";
import { withAgent, withGround } from "./running_agent.ts";

const DAY_MS = 86_400_000;
/** The server's alert races with our request: once is no proof. */
const TRIES = 10;

realTest("each reason why Prometheus lets nobody in is named with its key", [
  "prometheus",
], () =>
  withGround(async (ground) => {
    const clients = await createPki("clients");
    const folder = `${ground.directory}/prometheus`;
    await Deno.mkdir(folder);
    const prometheus = await startGuarded(folder, ground.pki, clients);
    const runtime = systemRuntime();
    const passwordFile = await ground.write("password", PASSWORD);
    const ask = async (options: HttpClientOptions, file = passwordFile) => {
      const peer = new Peer(runtime, {
        name: "Prometheus",
        section: "prometheus",
        baseUrl: prometheus.url,
        timeoutMs: 5000,
        maxResponseBytes: 1_000_000,
        caPem: ground.pki.caPem,
        ...options,
      });
      const auth = { basicAuth: { username: USER, passwordFile: file } };
      const source = new PrometheusSource(
        peer,
        runtime.files,
        auth,
        new SecretMask(),
        runtime.random,
      );
      const window = { startMs: 0, endMs: 1000, stepMs: 1000 };
      try {
        const { signal } = new AbortController();
        const query = { expr: "vector(1)", window };
        return (await source.queryRange(query, new Collector(window), signal)).kind;
      } finally {
        peer.close();
      }
    };
    const good = await clients.issueClient("connector");
    const now = Date.now();
    const expired = await clients.issueClient("connector", [], {
      fromMs: now - 2 * DAY_MS,
      toMs: now - DAY_MS,
    });
    const wrongPassword = await ground.write("wrong", "not it");
    try {
      assert.equal(await ask(good), "series");
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        await assert.rejects(ask({}), {
          code: "tls_untrusted",
          hint: "set prometheus.clientCertFile and prometheus.clientKeyFile",
        });
        for (const pair of [await ground.pki.issueClient("stranger"), expired]) {
          await assert.rejects(ask(pair), {
            code: "tls_untrusted",
            hint: /prometheus\.clientCertFile/,
          });
        }
        await assert.rejects(ask({ ...good, caPem: clients.caPem }), {
          code: "tls_untrusted",
          hint: /prometheus\.caFile/,
        });
        await assert.rejects(ask(good, wrongPassword), {
          code: "access_denied",
          hint: /prometheus\.basicAuth/,
        });
      }
    } finally {
      await prometheus.close();
    }
  }));

realTest("the agent streams through a proxy, with certificate and passwords", [
  "prometheus",
], () =>
  withGround(async (ground) => {
    const clients = await createPki("clients");
    const folder = `${ground.directory}/prometheus`;
    await Deno.mkdir(folder);
    const prometheus = await startGuarded(folder, ground.pki, clients);
    const proxy = startConnectProxy("connector:proxy-password");
    const { certPem, keyPem } = await clients.issueClient("connector");
    try {
      const changes = {
        prometheus: {
          url: prometheus.url,
          caFile: await ground.write("prometheus-ca.pem", ground.pki.caPem),
          clientCertFile: await ground.write("client.crt", certPem),
          clientKeyFile: await ground.write("client.key", keyPem),
          basicAuth: {
            username: USER,
            passwordFile: await ground.write("password", PASSWORD),
          },
          proxy: proxy.url,
          proxyBasicAuth: {
            username: "connector",
            passwordFile: await ground.write("proxy-password", "proxy-password"),
          },
        },
        signals: {
          queries: [{ name: "one", expr: "vector(1)", step: "1s" }],
          window: "5s",
          settle: "1s",
          startFrom: "30s",
        },
      };
      const { signals } = ground.controlPlane;
      await withAgent(ground, changes, async ({ agent }) => {
        await ground.controlPlane.until(() => receivedUntil(signals, "one") > Date.now() - 10_000);
        assert.ok(!agent.lines.join("\n").includes("proxy-password"), "a secret in the log");
      });
      const { startMs, endMs } = receivedRange(signals, "one");
      assert.equal(signals.points("one").length, (endMs - startMs) / 1000 + 1);
      assert.ok(proxy.tunnels.length > 0);
      assert.deepEqual(new Set(proxy.tunnels), new Set([new URL(prometheus.url).host]));
    } finally {
      await proxy.close();
      await prometheus.close();
    }
  }));
