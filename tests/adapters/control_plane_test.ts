import assert from "node:assert/strict";
import { ControlPlane } from "../../src/adapters/control_plane.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { serveTls } from "../../src/embedded/serve.ts";
import { ConnectorError, TransientError } from "../../src/errors.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

const SIGNAL = new AbortController().signal;
const BATCH = {
  body: new Uint8Array([1, 2, 3]),
  headers: {
    "content-type": "application/vnd.neuralops.signals.v1+json",
    "content-encoding": "gzip",
    "idempotency-key": "b-1",
  },
};
const pki = await createPki();

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

/** The adapter in front of a server that always gives one answer. */
async function withAnswer(
  answer: () => Response,
  run: (
    api: ControlPlane,
    seen: { received: Received[]; invalidated: string[] },
  ) => Promise<void>,
) {
  const received: Received[] = [];
  const invalidated: string[] = [];
  const server = await serveTls(pki, "answering", async (request) => {
    await request.arrayBuffer();
    const url = new URL(request.url);
    received.push({
      method: request.method,
      path: url.pathname + url.search,
      headers: new Headers(request.headers),
    });
    return answer();
  });
  const peer = new Peer(systemRuntime(), {
    name: "control plane",
    baseUrl: server.url,
    caPem: pki.caPem,
    timeoutMs: 5000,
    maxResponseBytes: 65_536,
  });
  const tokens = {
    ready: () => Promise.resolve({ accessToken: "planted-access-token" }),
    invalidate: (token: string) => void invalidated.push(token),
  };
  try {
    await run(new ControlPlane(peer, tokens), { received, invalidated });
  } finally {
    peer.close();
    await server.close();
  }
}

function problem(status: number, code = "malformed_request", detail = "because"): Response {
  return Response.json({ type: "about:blank", title: code, status, code, detail }, { status });
}

async function failureOf(work: Promise<unknown>): Promise<ConnectorError> {
  const outcome = await work.then(() => null, (error) => error);
  assert.ok(outcome instanceof ConnectorError, `threw ${outcome}`);
  assert.ok(!Deno.inspect(outcome).includes("planted-access-token"));
  return outcome;
}

const ANSWERS: [number, string, string][] = [
  [400, "InvalidInputError", "malformed_request"],
  [401, "TransientError", "unavailable"],
  [403, "StalledError", "access_denied"],
  [404, "StalledError", "config_invalid"],
  [408, "TransientError", "unavailable"],
  [409, "InvalidInputError", "malformed_request"],
  [413, "InvalidInputError", "too_large"],
  [415, "InvalidInputError", "malformed_request"],
  [422, "InvalidInputError", "malformed_request"],
  [429, "TransientError", "rate_limited"],
  [500, "TransientError", "unavailable"],
  [503, "TransientError", "unavailable"],
];

for (const [status, name, code] of ANSWERS) {
  Deno.test(`ControlPlane makes ${name} ${code} of a ${status}`, () =>
    withAnswer(() => problem(status), async (api, { invalidated }) => {
      const error = await failureOf(api.send(BATCH, SIGNAL));
      assert.equal(error.name, name);
      assert.equal(error.code, code);
      assert.deepEqual(invalidated, status === 401 ? ["planted-access-token"] : []);
    }));
}

Deno.test("ControlPlane says what a problem document says, in bounds", () =>
  withAnswer(() => problem(422, "malformed_request", "y".repeat(5000)), async (api) => {
    const error = await failureOf(api.send(BATCH, SIGNAL));
    assert.match(error.message, /422 malformed_request: yyy/);
    assert.ok(error.message.length < 400);
  }));

Deno.test("ControlPlane keeps a peer's Retry-After", () =>
  withAnswer(
    () => new Response(null, { status: 429, headers: { "retry-after": "17" } }),
    async (api) => {
      const error = await failureOf(api.send(BATCH, SIGNAL));
      assert.equal((error as TransientError).retryAfterMs, 17_000);
    },
  ));

Deno.test("ControlPlane follows no redirect", () =>
  withAnswer(
    () => new Response(null, { status: 307, headers: { location: "https://127.0.0.1:1/" } }),
    async (api, { received }) => {
      assert.equal((await failureOf(api.send(BATCH, SIGNAL))).code, "peer_not_allowed");
      assert.equal(received.length, 1);
    },
  ));

Deno.test("ControlPlane.send() names type, encoding, batch and token", () =>
  withAnswer(() => new Response(null, { status: 204 }), async (api, { received }) => {
    await api.send(BATCH, SIGNAL);
    const [{ method, path, headers }] = received as [Received];
    assert.equal(`${method} ${path}`, "POST /signals");
    assert.equal(headers.get("content-type"), "application/vnd.neuralops.signals.v1+json");
    assert.equal(headers.get("content-encoding"), "gzip");
    assert.equal(headers.get("idempotency-key"), "b-1");
    assert.equal(headers.get("authorization"), "Bearer planted-access-token");
  }));

Deno.test("ControlPlane.sendReceipt() cannot be led to another path by an execution id", () =>
  withAnswer(() => new Response(null, { status: 204 }), async (api, { received }) => {
    await api.sendReceipt("../../x?y", "a.b.c", SIGNAL);
    assert.equal(received[0]!.path, "/executions/..%2F..%2Fx%3Fy/receipts");
  }));

Deno.test("ControlPlane.pollCommands() asks for what follows, and refuses another shape", () =>
  withAnswer(() => Response.json({ commands: [{ id: "" }] }), async (api, { received }) => {
    const error = await failureOf(api.pollCommands("cmd-7", 20, 65_536, SIGNAL));
    assert.equal(error.code, "malformed_answer");
    assert.equal(received[0]!.path, "/commands?wait=20&after=cmd-7");
  }));
