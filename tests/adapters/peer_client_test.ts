/** How a peer is reached: with a client certificate, through a proxy, and what is said when that fails. */
import assert from "node:assert/strict";
import { Peer, type PeerOptions } from "../../src/adapters/peer.ts";
import { decodeUtf8 } from "../../src/core/encoding.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { type Handler, serveTls } from "../../src/embedded/serve.ts";
import type { HttpClientOptions } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { startConnectProxy } from "../fakes/connect_proxy.ts";
import { serveMutualTls } from "../fakes/mutual_tls_server.ts";

const pki = await createPki();
const strangers = await createPki("other CA");
const DAY_MS = 86_400_000;

function peerAt(baseUrl: string, options: HttpClientOptions = {}): Peer {
  const all: PeerOptions = {
    name: "Prometheus",
    section: "prometheus",
    baseUrl,
    caPem: pki.caPem,
    timeoutMs: 5000,
    maxResponseBytes: 1_000_000,
    ...options,
  };
  return new Peer(systemRuntime(), all);
}

async function get(baseUrl: string, options: HttpClientOptions = {}): Promise<string> {
  const peer = peerAt(baseUrl, options);
  try {
    return decodeUtf8((await peer.send({ method: "GET", path: "/x" })).body);
  } finally {
    peer.close();
  }
}

const ok: Handler = () => new Response("ok");

Deno.test("a peer shows its client certificate where the server asks for one", async () => {
  const server = await serveMutualTls(pki, pki, ok);
  try {
    assert.equal(await get(server.url, await pki.issueClient("connector")), "ok");
  } finally {
    await server.close();
  }
});

Deno.test("without a client certificate the error names the keys that set one", async () => {
  const server = await serveMutualTls(pki, pki, ok);
  try {
    await assert.rejects(get(server.url), {
      code: "tls_untrusted",
      message: /asks for a client certificate/,
      hint: "set prometheus.clientCertFile and prometheus.clientKeyFile",
    });
  } finally {
    await server.close();
  }
});

Deno.test("a client certificate that will not do is named, be it a stranger's or expired", async () => {
  const server = await serveMutualTls(pki, pki, ok);
  const now = Date.now();
  const expired = await pki.issueClient("connector", [], {
    fromMs: now - 2 * DAY_MS,
    toMs: now - DAY_MS,
  });
  try {
    for (const pair of [await strangers.issueClient("connector"), expired]) {
      await assert.rejects(get(server.url, pair), { hint: /prometheus\.clientCertFile/ });
    }
  } finally {
    await server.close();
  }
});

Deno.test("a CA that did not sign the server's certificate is named", async () => {
  const server = await serveTls(pki, "peer", ok);
  try {
    await assert.rejects(get(server.url, { caPem: strangers.caPem }), {
      code: "tls_untrusted",
      hint: /prometheus\.caFile/,
    });
  } finally {
    await server.close();
  }
});

Deno.test("a peer goes through a tunnel of its proxy, with credentials where it asks", async () => {
  const server = await serveTls(pki, "peer", ok);
  const proxy = startConnectProxy();
  const target = new URL(server.url).host;
  try {
    assert.equal(await get(server.url, { proxy: proxy.url }), "ok");
    proxy.credentials = "connector:secret";
    const proxyAuth = { username: "connector", password: "secret" };
    assert.equal(await get(server.url, { proxy: proxy.url, proxyAuth }), "ok");
    assert.deepEqual(proxy.tunnels, [target, target]);
  } finally {
    await proxy.close();
    await server.close();
  }
});

Deno.test("a proxy that wants credentials, or others, is told with the key that holds them", async () => {
  const server = await serveTls(pki, "peer", ok);
  const proxy = startConnectProxy("connector:secret");
  try {
    const refused = { code: "access_denied", hint: /prometheus\.proxyBasicAuth/ };
    await assert.rejects(get(server.url, { proxy: proxy.url }), {
      ...refused,
      message: /asks for a user name/,
    });
    const proxyAuth = { username: "connector", password: "wrong" };
    await assert.rejects(get(server.url, { proxy: proxy.url, proxyAuth }), {
      ...refused,
      message: /credentials of connector/,
    });
    // Plain HTTP goes through without a tunnel: the proxy answers itself.
    await assert.rejects(get("http://127.0.0.1:19090", { proxy: proxy.url }), refused);
    assert.deepEqual(proxy.tunnels, []);
  } finally {
    await proxy.close();
    await server.close();
  }
});

Deno.test("a proxy that is away or opens no tunnel may come back, and its key is named", async () => {
  const server = await serveTls(pki, "peer", ok);
  const proxy = startConnectProxy();
  const passing = { code: "unavailable", hint: /prometheus\.proxy/ };
  try {
    for (const status of ["403 Forbidden", "502 Bad Gateway"]) {
      proxy.refuseWith = status;
      await assert.rejects(get(server.url, { proxy: proxy.url }), passing);
    }
  } finally {
    await proxy.close();
  }
  await assert.rejects(get(server.url, { proxy: proxy.url }), { ...passing, message: /refused/ });
  await server.close();
});

Deno.test("a renewed peer shows its new certificate, and an answer under way ends whole", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  const half = "x".repeat(1000);
  const slow: Handler = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode(half)),
        async pull(controller) {
          await released;
          controller.enqueue(new TextEncoder().encode(half));
          controller.close();
        },
      }),
    );
  const server = await serveMutualTls(pki, pki, slow);
  const peer = peerAt(server.url, await pki.issueClient("first"));
  try {
    const signal = new AbortController().signal;
    const underWay = await peer.open({ method: "GET", path: "/x", signal });
    peer.renew(await pki.issueClient("second"));
    release();
    assert.equal(await underWay.text(), half + half);
    assert.equal((await peer.send({ method: "GET", path: "/x" })).body.length, 2000);
  } finally {
    peer.close();
    await server.close();
  }
});

Deno.test("a renewed peer is let in by a server that refused it before", async () => {
  const server = await serveMutualTls(pki, strangers, ok);
  const peer = peerAt(server.url, await pki.issueClient("before"));
  try {
    await assert.rejects(peer.send({ method: "GET", path: "/x" }));
    peer.renew(await strangers.issueClient("after"));
    assert.equal((await peer.send({ method: "GET", path: "/x" })).status, 200);
  } finally {
    peer.close();
    await server.close();
  }
});

Deno.test("a pair that cannot be used changes nothing", async () => {
  const server = await serveMutualTls(pki, pki, ok);
  const peer = peerAt(server.url, await pki.issueClient("connector"));
  const { certPem } = await pki.issueClient("connector");
  const { keyPem } = await pki.issueClient("other");
  try {
    assert.throws(() => peer.renew({ certPem, keyPem }), { code: "config_invalid" });
    assert.equal((await peer.send({ method: "GET", path: "/x" })).status, 200);
  } finally {
    peer.close();
    await server.close();
  }
});
