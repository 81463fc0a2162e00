import assert from "node:assert/strict";
import { parse } from "yaml";
import type { AgentStatus } from "../../src/http/status.ts";
import { runCli } from "../fakes/cli_io.ts";

const STATUS: AgentStatus = {
  at: "2026-11-29T12:00:00.000Z",
  ok: true,
  version: "0.1.0",
  cluster: { name: "shop-prod", id: "c-1" },
  leadership: "leads",
  leader: "worker-1",
  registered: "2026-11-29T08:48:00.000Z",
  node: { name: "worker-1", registered: "2026-11-29T11:58:30.000Z" },
  parts: [
    { name: "audit", state: "ok", reason: "412 records", since: "2026-11-29T08:46:00.000Z" },
    { name: "commands", state: "off", reason: "not configured", since: "2026-11-29T11:59:59.000Z" },
  ],
  queries: [
    {
      query: "shop",
      node: null,
      newest: "2026-11-29T11:59:18.000Z",
      behindMs: 11_520_000,
      history: { pendingMs: 11_400_000, leftMs: 380_000, oldest: "2026-11-29T08:48:00.000Z" },
      gaps: [
        { reason: "series_limit", durationMs: 480_000, pending: 2 },
        { reason: "too_large", durationMs: 15_000, pending: 0 },
      ],
      seriesDropped: 1234,
    },
    {
      query: "node-load",
      node: "worker-1",
      newest: null,
      behindMs: null,
      history: null,
      gaps: null,
      seriesDropped: null,
    },
    {
      query: "calm",
      node: null,
      newest: "2026-11-29T11:59:18.000Z",
      behindMs: 42_000,
      history: { pendingMs: 0, leftMs: 0, oldest: null },
      gaps: [],
      seriesDropped: 0,
    },
  ],
  audit: {
    records: 412,
    acknowledged: 410,
    archive: {
      shipped: { day: "2026-11-28", record: 390, at: "2026-11-29T00:00:30.000Z" },
      waiting: 1,
    },
  },
};

async function show(changes: Partial<AgentStatus> = {}, ...args: string[]) {
  const asked: string[] = [];
  const result = await runCli(["status", "--state-dir", "/state", ...args], {
    admin: (request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return Promise.resolve(Response.json({ ...STATUS, ...changes }));
    },
  });
  assert.deepEqual(asked, ["GET /status"]);
  assert.deepEqual(result.sockets, ["/state/agent.sock"]);
  return result;
}

Deno.test("status prints standing, parts, queries and audit log as the runbook has them", async () => {
  const { exitCode, out } = await show();
  assert.equal(exitCode, 0);
  assert.deepEqual(out.split("\n"), [
    "Cluster:     shop-prod (c-1)",
    "Version:     0.1.0",
    "Leadership:  leads",
    "Registered:  since 2026-11-29T08:48:00.000Z (3h12m)",
    "Node:        worker-1, registered since 2026-11-29T11:58:30.000Z (1m30s)",
    "",
    "PART      STATE  SINCE  REASON",
    "audit     ok     3h14m  412 records",
    "commands  off    1s     not configured",
    "",
    "QUERY                 NEWEST  BEHIND  HISTORY             GAPS                                        SERIES DROPPED",
    "shop                  42s     3h12m   3h10m, about 6m20s  series_limit 8m (2 pending), too_large 15s  1,234",
    "node-load (worker-1)  –       –       –                   unreadable                                  –",
    "calm                  42s     42s     –                   –                                           0",
    "",
    "Audit log:   412 records, of which the control plane holds 410",
    "Archive:     up to record 390 (2026-11-28); 1 sealed segment waits",
  ]);
});

Deno.test("status of a standby says who leads, and shows no table without a query", async () => {
  const changes = { registered: null, node: null, queries: [] };
  const standby = await show({ ...changes, leadership: "stands_by", leader: "worker-2" });
  assert.equal(standby.exitCode, 0);
  assert.match(standby.out, /^Leadership: {2}stands by; worker-2 leads$/m);
  assert.match(standby.out, /^Registered: {2}– \(the leader is\)$/m);
  assert.doesNotMatch(standby.out, /QUERY|Node:/);
  const nobody = await show({ ...changes, leadership: "stands_by", leader: "" });
  assert.match(nobody.out, /stands by; nobody leads/);
});

Deno.test("status says what is not there yet", async () => {
  const { out } = await show({
    leadership: "alone",
    cluster: { name: "edge-1", id: null },
    registered: null,
    node: { name: "n", registered: null },
    audit: { records: 1, acknowledged: null, archive: null },
  });
  assert.match(out, /^Cluster: +edge-1$/m);
  assert.match(out, /^Leadership: +acts alone$/m);
  assert.match(out, /^Registered: +not registered$/m);
  assert.match(out, /^Node: +n, not registered$/m);
  assert.match(out, /control plane holds –$/m);
  assert.match(out, /^Archive: +none is configured$/m);
  const archive = { shipped: null, waiting: 0 };
  const empty = await show({ audit: { records: 1, acknowledged: null, archive } });
  assert.match(empty.out, /^Archive: +nothing that is here; 0 sealed segments wait$/m);
});

Deno.test("status exits with 1 when a part is in trouble, and prints all the same", async () => {
  const { exitCode, out } = await show({ ok: false });
  assert.equal(exitCode, 1);
  assert.match(out, /^PART /m);
});

Deno.test("status exits with 3 when no connector answers, or one that is none", async () => {
  const nobody = await runCli(["status", "--state-dir", "/state"]);
  assert.deepEqual([nobody.exitCode, nobody.out], [3, ""]);
  assert.match(nobody.errors, /^error: unavailable: No connector answers in \/state/);
  const stranger = await runCli(["status", "--state-dir", "/state"], {
    admin: () => Promise.resolve(new Response("hello")),
  });
  assert.equal(stranger.exitCode, 3);
});

Deno.test("status prints JSON and YAML with everything in it", async () => {
  assert.deepEqual(JSON.parse((await show({}, "-o", "json")).out), STATUS);
  const yaml = await show({ ok: false }, "-o", "yaml");
  assert.deepEqual([yaml.exitCode, parse(yaml.out)], [1, { ...STATUS, ok: false }]);
});

Deno.test("status lets a peer's text do nothing to the terminal", async () => {
  const since = STATUS.at;
  const { out } = await show({
    cluster: { name: "a\u001b[2J", id: null },
    parts: [{ name: "vault", state: "degraded", reason: "b\u001b[2J", since }],
  });
  assert.ok(!out.includes("\u001b"));
});
