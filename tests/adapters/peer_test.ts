import assert from "node:assert/strict";
import { parseRetryAfter, Peer, type PeerOptions } from "../../src/adapters/peer.ts";
import { decodeUtf8 } from "../../src/core/encoding.ts";
import { type Certificate, createPki } from "../../src/embedded/pki.ts";
import { type Handler, serveTls, type TlsServer } from "../../src/embedded/serve.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

const pki = await createPki();
const otherPki = await createPki();
const runtime = systemRuntime();

async function withServer(handler: Handler, work: (server: TlsServer) => Promise<void>) {
  const server = await serveTls(pki, "peer", handler);
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

/** What one GET came to: its body, or the error's code. */
async function get(baseUrl: string, options: Partial<PeerOptions> = {}, path = "/x") {
  const peer = new Peer(runtime, {
    name: "Peer",
    baseUrl,
    caPem: pki.caPem,
    timeoutMs: 5000,
    maxResponseBytes: 1000,
    ...options,
  });
  try {
    return decodeUtf8((await peer.send({ method: "GET", path })).body);
  } finally {
    peer.close();
  }
}

/** A port where every connection gets this certificate, or none, and then `answer`. */
async function withRawServer(
  certificate: Certificate | null,
  answer: string,
  work: (url: string) => Promise<void>,
) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const listener = certificate
    ? Deno.listenTls({ ...address, cert: certificate.certPem, key: certificate.keyPem })
    : Deno.listen(address);
  const serving = (async () => {
    for await (const connection of listener) {
      try {
        await connection.read(new Uint8Array(4096));
        if (answer) await connection.write(new TextEncoder().encode(answer));
      } catch { /* the client hung up, as it should */ }
      connection.close();
    }
  })().catch(() => {});
  try {
    await work(`https://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
  } finally {
    listener.close();
    await serving;
  }
}

Deno.test("Peer speaks HTTP/1.1 when the server would speak HTTP/2 as well", async () => {
  // HTTP/2 has no Host header.
  const handler: Handler = (request) => new Response(request.headers.get("host"));
  await withServer(handler, async ({ url, port }) => {
    assert.equal(await get(url), `127.0.0.1:${port}`);
  });
});

Deno.test("a peer puts paths behind its base and keeps to its own origin", () =>
  withServer((request) => new Response(new URL(request.url).pathname), async ({ url }) => {
    assert.equal(await get(url), "/x");
    assert.equal(await get(`${url}/base/`), "/base/x");
    await assert.rejects(get(url, {}, "//127.0.0.1:1/x"), { code: "peer_not_allowed" });
  }));

Deno.test("a peer follows no redirect", () =>
  withServer(
    () => Response.redirect("https://127.0.0.1:1/elsewhere"),
    async ({ url }) => await assert.rejects(get(url), { code: "peer_not_allowed" }),
  ));

Deno.test("a peer bounds answers in size and in time", () =>
  withServer(() => new Response("x".repeat(1001)), async ({ url, faults }) => {
    await assert.rejects(get(url), { code: "too_large" });
    faults.slow(5000);
    await assert.rejects(get(url, { timeoutMs: 50 }), { code: "timeout" });
  }));

Deno.test("a peer that is away, whatever its path is called, is unavailable", () =>
  withServer(() => new Response("ok"), async ({ url, stop }) => {
    await stop();
    const gone = { code: "unavailable", message: /refused/ };
    await assert.rejects(get(url), gone);
    await assert.rejects(get(url, {}, "/apis/certificates.k8s.io/v1?redirect=tls"), gone);
  }));

Deno.test("a peer's errors do not repeat the path, which may hold a secret", () =>
  withServer(() => new Response("ok"), async ({ url, stop }) => {
    await stop();
    await assert.rejects(
      get(url, {}, "/x?sig=hunter22"),
      (error) => error instanceof Error && !error.message.includes("hunter22"),
    );
  }));

Deno.test("a peer whose certificate another CA signed is not trusted", () =>
  withServer(() => new Response("ok"), async ({ url }) => {
    await assert.rejects(get(url, { caPem: otherPki.caPem }), {
      code: "tls_untrusted",
      message: /invalid peer certificate/,
    });
  }));

Deno.test("a peer whose certificate has expired, or is not valid yet, is not trusted", async () => {
  const now = Date.now();
  const expired = await pki.issue("peer", { fromMs: now - 200_000, toMs: now - 100_000 });
  const early = await pki.issue("peer", { fromMs: now + 3_600_000, toMs: now + 7_200_000 });
  for (
    const [certificate, message] of [[expired, /expired/], [early, /not valid|not yet/]] as const
  ) {
    await withRawServer(
      certificate,
      "",
      (url) => assert.rejects(get(url), { code: "tls_untrusted", message }),
    );
  }
});

Deno.test("a port that does not speak TLS is not trusted", () =>
  withRawServer(
    null,
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    (url) => assert.rejects(get(url), { code: "tls_untrusted", message: /corrupt message/ }),
  ));

Deno.test("a connection that breaks off, at any point, may come back", async () => {
  const certificate = await pki.issue("peer");
  const passing = { code: "unavailable" };
  await withRawServer(null, "", (url) => assert.rejects(get(url), passing, "in the handshake"));
  await withRawServer(certificate, "", (url) => assert.rejects(get(url), passing));
  const half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
  await withRawServer(certificate, half, (url) => assert.rejects(get(url), passing));
});

Deno.test("a peer ends with its caller's reason when the caller gives up", () =>
  withServer(() => new Response("ok"), async ({ url, faults }) => {
    faults.slow(5000);
    const peer = new Peer(runtime, {
      name: "Peer",
      baseUrl: url,
      caPem: pki.caPem,
      timeoutMs: 5000,
      maxResponseBytes: 1000,
    });
    const abort = new AbortController();
    const sending = peer.send({ method: "GET", path: "/", signal: abort.signal });
    abort.abort(new RangeError("enough"));
    await assert.rejects(sending, RangeError);
    peer.close();
  }));

Deno.test("a peer refuses certificates that cannot be read", async () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const message = /CA.*of Peer cannot be used/;
  for (const options of [{ caPem: broken }, { certPem: "x", keyPem: "y" }]) {
    await assert.rejects(get("https://127.0.0.1", options), { code: "config_invalid", message });
  }
});

Deno.test("transient names the answers that may pass, with their Retry-After", () => {
  const peer = new Peer(runtime, {
    name: "Peer",
    baseUrl: "https://127.0.0.1",
    timeoutMs: 1,
    maxResponseBytes: 1,
  });
  const headers = new Headers({ "retry-after": "7" });
  const codeOf = (status: number) => peer.transient({ status, headers }, "GET")?.code ?? null;
  assert.deepEqual([200, 404, 408, 429, 500, 503].map(codeOf), [
    null,
    null,
    "unavailable",
    "rate_limited",
    "unavailable",
    "unavailable",
  ]);
  assert.equal(peer.transient({ status: 503, headers }, "GET")?.retryAfterMs, 7000);
  peer.close();
});

Deno.test("parseRetryAfter reads seconds and dates, and clamps them", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  const cases: [string | null, number | undefined][] = [
    [null, undefined],
    ["0", 0],
    ["30", 30_000],
    ["999999999", 300_000],
    ["Sun, 22 Nov 2026 10:00:10 GMT", 10_000],
    ["Sun, 22 Nov 2026 09:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
  ];
  for (const [header, ms] of cases) assert.equal(parseRetryAfter(header, now), ms, String(header));
});
