import assert from "node:assert/strict";
import { type Registration, Session } from "../../src/core/session.ts";

function registration(accessToken: string, expiresAtMonotonicMs = 1000): Registration {
  const orchestrator = { issuer: "https://cp/orchestrator", jwks: { keys: [{ kid: "1" }] } };
  return {
    clusterId: "c-1",
    orchestrator,
    accessToken,
    expiresAtMonotonicMs,
    heartbeatMs: 30_000,
  };
}

Deno.test("Session gives no token once it has expired", () => {
  let now = 0;
  const session = new Session(() => now);
  session.set(registration("a", 1000));
  assert.equal(session.current()?.accessToken, "a");
  now = 1000;
  assert.equal(session.current(), null);
  assert.equal(session.identity()?.clusterId, "c-1");
});

Deno.test("Session.invalidate() has an effect once, and only for the present token", () => {
  const session = new Session(() => 0);
  session.set(registration("old"));
  session.set(registration("new"));
  session.invalidate("old");
  assert.equal(session.current()?.accessToken, "new");
  const { invalidated } = session;
  session.invalidate("new");
  assert.equal(session.current(), null);
  assert.equal(invalidated.aborted, true);
});

Deno.test("Session.ready() waits for a registration, and ends when its signal aborts", async () => {
  const session = new Session(() => 0);
  const waiting = session.ready(new AbortController().signal);
  const abort = new AbortController();
  const givenUp = session.ready(abort.signal);
  abort.abort(new Error("stopped"));
  await assert.rejects(givenUp, /stopped/);
  session.set(registration("a"));
  assert.equal((await waiting).accessToken, "a");
});

Deno.test("Session.restore() does not override what a registration said", () => {
  const session = new Session(() => 0);
  session.set(registration("a"));
  session.restore({ ...registration("b"), clusterId: "c-old" });
  assert.equal(session.identity()?.clusterId, "c-1");
});

Deno.test("Session keeps its identity when it ends, and waits for another token", async () => {
  const session = new Session(() => 0);
  session.set(registration("a"));
  session.end();
  assert.equal(session.current(), null);
  assert.equal(session.identity()?.clusterId, "c-1");
  const ready = session.ready(new AbortController().signal);
  session.set(registration("b"));
  assert.equal((await ready).accessToken, "b");
});
