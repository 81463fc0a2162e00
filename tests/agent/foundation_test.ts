import assert from "node:assert/strict";
import { prepareAuditHeads } from "../../src/agent/audit_heads.ts";
import { prepareAuditShipping } from "../../src/agent/audit_shipping.ts";
import type { Control } from "../../src/agent/control.ts";
import type { Execution } from "../../src/agent/execution.ts";
import { type Foundation, layFoundation } from "../../src/agent/foundation.ts";
import { takeSnapshot } from "../../src/agent/heartbeat_snapshot.ts";
import type { Streaming } from "../../src/agent/streaming.ts";
import { parseConfig } from "../../src/config/load.ts";
import { chainIdOf } from "../../src/core/audit/chain.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { Heartbeat } from "../../src/core/protocol.ts";
import { Session } from "../../src/core/session.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const DAY_MS = 86_400_000;

interface Ground {
  readonly directory: string;
  readonly clock: FakeClock;
  lay(extra?: Record<string, unknown>): Promise<Foundation>;
  /** As the process would at its end. */
  leave(foundation: Foundation): Promise<void>;
}

async function withGround(work: (ground: Ground) => Promise<void>): Promise<void> {
  const directory = `./reports/test/${crypto.randomUUID()}`;
  const clock = new FakeClock();
  const runtime = { ...systemRuntime(), clock };
  const laid = new Set<Foundation>();
  const lay = async (extra: Record<string, unknown> = {}) => {
    const config = parseConfig(
      JSON.stringify({
        clusterName: "c",
        stateDir: directory,
        controlPlane: { url: "https://c" },
        vault: { address: "https://v", auth: { method: "token" } },
        ...extra,
      }),
      () => undefined,
      "test",
    );
    const surroundings = { runtime, env: () => undefined, hostname: "h", writeLog: () => {} };
    const foundation = await layFoundation(config, surroundings);
    laid.add(foundation);
    return foundation;
  };
  const leave = async (foundation: Foundation) => {
    laid.delete(foundation);
    await foundation.audit.close();
    foundation.lock.release();
  };
  try {
    await work({ directory, clock, lay, leave });
  } finally {
    for (const foundation of laid) await leave(foundation);
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("layFoundation makes the state directory, the key and the log, and keeps the key", () =>
  withGround(async ({ lay, leave, directory }) => {
    const first = await lay();
    await first.audit.record({ type: "t", actor: "a", subject: "s", data: {} });
    const { size } = await first.audit.checkpoint();
    await leave(first);
    const second = await lay();
    assert.deepEqual(second.key.jwk, first.key.jwk);
    assert.ok((await second.audit.checkpoint()).size >= size);
    assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
    assert.equal((await Deno.stat(`${directory}/key.pem`)).mode! & 0o777, 0o600);
  }));

Deno.test("layFoundation refuses a state directory that another connector holds", () =>
  withGround(async ({ lay }) => {
    await lay();
    await assert.rejects(lay(), {
      code: "state_unwritable",
      message: /is in use by another connector/,
    });
  }));

Deno.test("layFoundation gives the lock back when what it finds is damaged", () =>
  withGround(async ({ lay, directory }) => {
    await Deno.mkdir(directory, { recursive: true });
    await Deno.writeTextFile(`${directory}/key.pem`, "garbage");
    await assert.rejects(lay(), { code: "config_invalid" });
    await Deno.remove(`${directory}/key.pem`);
    await lay();
  }));

Deno.test("takeSnapshot says what the heartbeat's schema asks for", () =>
  withGround(async ({ lay, clock }) => {
    const foundation = await lay();
    foundation.health.report("registration", "ok", "registered");
    await foundation.audit.record({ type: "t", actor: "a", subject: "s", data: {} });
    const session = new Session(() => clock.monotonic());
    const control = { session } as Control;
    const states = ["accepted", "pending_approval"];
    const listOpen = () => states.map((state) => ({ state }) as ExecutionRecord);
    const execution = { book: { listOpen } } as unknown as Execution;
    const backfill = { pendingMs: 0, oldestMs: null, speed: 30 };
    const lag = () => [{ query: "up", acknowledgedMs: 1, lagMs: 2, newestMs: 1, backfill }];
    const streaming = { streamer: { lag } } as unknown as Streaming;
    const heads = prepareAuditHeads(foundation, () => ["f".repeat(64), "no chain"]);
    const before = await takeSnapshot(foundation, control, execution, null, heads);
    assert.deepEqual([before.clusterId, before.signals], ["", []]);
    session.restore({ clusterId: "c-1", orchestrator: { issuer: "i", jwks: { keys: [] } } });
    const snapshot = await takeSnapshot(foundation, control, execution, streaming, heads);
    const head = { schema: "neuralops.io/heartbeat/v1", sequence: 1, sentAtMs: clock.now() };
    const heartbeat = Heartbeat.parse({ ...head, ...snapshot });
    assert.equal(heartbeat.clusterId, "c-1");
    assert.deepEqual(heartbeat.executions, { open: 2, pendingApproval: 1 });
    assert.deepEqual(heartbeat.signals, lag());
    const { size, note } = await foundation.audit.checkpoint();
    const chains = ["f".repeat(64), chainIdOf(foundation.key.publicKey)];
    assert.deepEqual(heartbeat.audit, { size, checkpoint: note, consistency: null, chains });
  }));

Deno.test("takeSnapshot goes out without a checkpoint when the log signs none", () =>
  withGround(async ({ lay, directory }) => {
    const foundation = await lay();
    await foundation.audit.record({ type: "t", actor: "a", subject: "s", data: {} });
    const [segment] = await Array.fromAsync(Deno.readDir(`${directory}/audit`));
    await Deno.truncate(`${directory}/audit/${segment!.name}`, 100);
    const control = { session: new Session(() => 0) } as Control;
    const execution = { book: { listOpen: () => [] } } as unknown as Execution;
    const heads = prepareAuditHeads(foundation, () => []);
    const snapshot = await takeSnapshot(foundation, control, execution, null, heads);
    assert.equal(snapshot.audit, null);
    const part = snapshot.parts.find(({ name }) => name === "audit_heads")!;
    assert.equal(part.state, "stalled");
    assert.match(part.reason, /No head of the audit log is signed/);
  }));

Deno.test("shipping stalls, and says why without the secret, when its key cannot be read", () =>
  withGround(async ({ lay, clock, directory }) => {
    const keys = `${directory}/s3.json`;
    const s3 = { bucket: "days", endpoint: "https://127.0.0.1:9", credentialsFile: keys };
    const foundation = await lay({ audit: { s3 } });
    await foundation.audit.record({ type: "t", actor: "a", subject: "s", data: {} });
    clock.advance(DAY_MS);
    await Deno.writeTextFile(keys, '{"secretAccessKey": hunter22}');
    const control = {} as Control;
    const shipping = await prepareAuditShipping(foundation, control);
    const stalled = Promise.withResolvers<string>();
    const report = foundation.health.report.bind(foundation.health);
    foundation.health.report = (name, state, reason) => {
      report(name, state, reason);
      if (state === "stalled") stalled.resolve(reason);
    };
    const abort = new AbortController();
    const running = shipping.run(abort.signal);
    const reason = await stalled.promise;
    assert.match(reason, /audit\.s3\.credentialsFile: is not JSON/);
    assert.ok(!reason.includes("hunter22"));
    abort.abort();
    await running;
    await shipping.close();
  }));
