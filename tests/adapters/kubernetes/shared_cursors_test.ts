import assert from "node:assert/strict";
import { SharedCursors } from "../../../src/adapters/kubernetes/journal/shared_cursors.ts";
import { type JournalApi, JournalStore } from "../../../src/adapters/kubernetes/journal/store.ts";
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { HealthBoard } from "../../../src/core/health.ts";
import { acknowledge, type Cursor, firstCursor } from "../../../src/core/signals/cursor.ts";
import { withinTerm } from "../../../src/execution/fenced_cluster.ts";
import { JsonLogger, SecretMask } from "../../../src/log.ts";
import type { CursorStore } from "../../../src/loops/signals_ports.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { NAMESPACE } from "../../fakes/kubernetes_journal.ts";
import { leadingWhile } from "../../fakes/leadership.ts";
import { refuses, secretsOf, withJournal } from "./journal_fixture.ts";

const SECRET = "neuralops-signal-cursors";
const START = 1_795_341_600_000;
const QUERY = { name: "up", expr: "up", stepMs: 1000 };
const until = (endMs: number, query = QUERY) =>
  acknowledge(firstCursor(query, START, 0), { startMs: START, endMs });

class Memory implements CursorStore {
  readonly cursors = new Map<string, Cursor>();
  load(query: string) {
    return Promise.resolve(this.cursors.get(query) ?? null);
  }
  save(cursor: Cursor) {
    this.cursors.set(cursor.query, cursor);
    return Promise.resolve();
  }
}

/** One pod of several: a disk of its own, and a term of leading that a test begins and ends. */
function pod(api: JournalApi) {
  const clock = new FakeClock();
  const local = new Memory();
  const health = new HealthBoard(() => clock.now());
  const calls: string[] = [];
  const counted: JournalApi = {
    request: (request) => {
      calls.push(request.method);
      return api.request(request);
    },
    find: (request) => {
      calls.push(request.method);
      return api.find(request);
    },
  };
  const place = { leads: true };
  const leadership = leadingWhile(() => place.leads);
  const cursors = new SharedCursors({
    store: new JournalStore(counted, {
      namespace: NAMESPACE,
      within: (write) => withinTerm(leadership, write),
    }),
    secretName: SECRET,
    local,
    isShared: (query) => query !== "own",
    clock,
    health,
    log: new JsonLogger(clock, () => {}, "debug", new SecretMask()),
  });
  async function lead(work: (tick: () => Promise<void>) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const running = cursors.run(abort.signal);
    await work(async () => {
      await clock.whenSleeping();
      clock.advance(30_000);
      await clock.whenSleeping();
    });
    abort.abort(new DOMException("over", "AbortError"));
    await running;
  }
  return { cursors, local, clock, health, calls, lead, place };
}

Deno.test("the next leader goes on where the one before was, with what both acknowledged", () =>
  withJournal(async (fixture) => {
    const [one, other] = [pod(fixture.api), pod(fixture.api)];
    assert.equal(await one.cursors.load("up"), null);
    await one.lead(async (tick) => {
      await one.cursors.save(until(START + 5000));
      await one.cursors.save(firstCursor({ ...QUERY, name: "own" }, START, 0));
      await tick();
    });
    assert.deepEqual(await other.cursors.load("up"), until(START + 5000));
    assert.equal(await other.cursors.load("own"), null, "what is each pod's own is not shared");
    await other.local.save(until(START + 9000));
    assert.deepEqual(await other.cursors.load("up"), until(START + 9000), "the newer of both");
    const ahead = acknowledge(until(START + 2000), { startMs: START + 7000, endMs: START + 8000 });
    await other.local.save(ahead);
    const both = await other.cursors.load("up");
    assert.equal(both!.acknowledgedMs, START + 5000);
    assert.deepEqual(both!.ahead, ahead.ahead);
  }));

Deno.test("it costs one read per takeover, and one write per half minute in which something changed", () =>
  withJournal(async (fixture) => {
    const { cursors, calls, lead } = pod(fixture.api);
    const queries = ["a", "b", "c"].map((name) => ({ ...QUERY, name }));
    await Promise.all(queries.map(({ name }) => cursors.load(name)));
    assert.deepEqual(calls.splice(0), ["GET"]);
    await lead(async (tick) => {
      for (let n = 1; n <= 20; n++) {
        for (const query of queries) await cursors.save(until(START + n * 1000, query));
      }
      await tick();
      assert.deepEqual(calls.splice(0), ["PATCH", "POST"], "the first makes the Secret");
      await tick();
      assert.deepEqual(calls, [], "nothing changed");
      await cursors.save(until(START + 60_000, queries[1]!));
      await tick();
      assert.deepEqual(calls.splice(0), ["PATCH"]);
      await cursors.save(until(START + 90_000, queries[2]!));
    });
    assert.deepEqual(calls, ["PATCH"], "and once more at the end of the term");
    const { data } = secretsOf(fixture, "cursors")[0]! as unknown as { data: object };
    assert.deepEqual(Object.keys(data), ["a", "b", "c"]);
    const next = pod(fixture.api);
    assert.deepEqual(
      await Promise.all(
        queries.map(async ({ name }) => (await next.cursors.load(name))!.acknowledgedMs),
      ),
      [START + 20_000, START + 60_000, START + 90_000],
    );
  }));

Deno.test("who leads no more writes nothing; the local cursor is saved all the same", () =>
  withJournal(async (fixture) => {
    const { cursors, local, lead, place, health } = pod(fixture.api);
    await lead(async (tick) => {
      place.leads = false;
      await cursors.save(until(START + 5000));
      await tick();
      assert.equal(health.get("cursors")!.state, "degraded");
      assert.match(health.get("cursors")!.reason, /not_leader/);
    });
    assert.deepEqual(secretsOf(fixture, "cursors"), []);
    assert.deepEqual(local.cursors.get("up"), until(START + 5000));
    place.leads = true;
    await lead((tick) => tick());
    assert.deepEqual(
      secretsOf(fixture, "cursors"),
      [],
      "what an earlier term left is not written late",
    );
  }));

Deno.test("a shared cursor that cannot be read stalls; one of a query long gone is taken out", () =>
  withJournal(async (fixture) => {
    const { cursors, lead, clock } = pod(fixture.api);
    const put = (data: Record<string, string>) =>
      fixture.kubernetes.store.put({
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: SECRET,
          namespace: NAMESPACE,
          labels: { "neuralops.io/holds": "cursors" },
        },
        data,
      } as never, "kubectl");
    const entry = (text: string) => encodeBase64(encodeUtf8(text));
    put({ up: entry("garbage") });
    await refuses(cursors.load("up"), "state_damaged", `${NAMESPACE}/${SECRET}`);
    clock.advance(6000);
    put({ up: "%%%" });
    await refuses(cursors.load("up"), "state_damaged");
    clock.advance(6000);
    const stale = firstCursor({ ...QUERY, name: "own" }, clock.now(), 40 * 86_400_000);
    put({ own: entry(JSON.stringify(stale)), up: entry(JSON.stringify(until(START + 1000))) });
    assert.ok(await cursors.load("up"));
    await lead(async (tick) => {
      await cursors.save(until(START + 5000));
      await tick();
    });
    const { data } = secretsOf(fixture, "cursors")[0]! as unknown as { data: object };
    assert.deepEqual(Object.keys(data), ["up"]);
  }));
