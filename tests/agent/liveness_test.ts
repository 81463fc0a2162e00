import assert from "node:assert/strict";
import { watchLiveness } from "../../src/agent/liveness.ts";
import type { Config } from "../../src/config/schema.ts";
import type { FileInfo, Files, Runtime } from "../../src/runtime.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

function setUp(stat: () => Promise<FileInfo | null>) {
  const clock = new FakeClock();
  let questions = 0;
  const files = {
    stat() {
      questions += 1;
      return stat();
    },
  } as Partial<Files> as Files;
  const runtime = { clock, files } as Partial<Runtime> as Runtime;
  const config = { stateDir: "/s" } as Config;
  return { clock, questions: () => questions, ...watchLiveness({ runtime, config }) };
}

Deno.test("a process whose disk answers is alive, and leaves no timer behind", async () => {
  const { clock, check } = setUp(() => Promise.resolve(null));
  assert.equal(await check(), null);
  assert.equal(clock.sleeping, 0);
});

Deno.test("a process whose disk answers with an error is alive: a new one would meet the same", async () => {
  const { check } = setUp(() => Promise.reject(new Error("EIO")));
  assert.equal(await check(), null);
});

Deno.test("a process that has waited 5 s for its disk is stuck, and asks no second time", async () => {
  const answer = Promise.withResolvers<null>();
  const { clock, questions, check } = setUp(() => answer.promise);
  for (let asked = 0; asked < 3; asked++) {
    const said = check();
    await clock.whenSleeping();
    clock.advance(4_999);
    assert.equal(clock.sleeping, 1);
    clock.advance(1);
    assert.match((await said)!, /^\/s has not answered for 5 s$/);
  }
  assert.equal(questions(), 1);
  answer.resolve(null);
  await answer.promise;
  assert.equal(await check(), null, "it got over it");
});

Deno.test("a process whose parts have ended is not alive", async () => {
  const { check, end } = setUp(() => Promise.resolve(null));
  end();
  assert.equal(await check(), "its parts have ended");
});
