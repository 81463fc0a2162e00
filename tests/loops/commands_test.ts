import assert from "node:assert/strict";
import { CommandFile } from "../../src/adapters/command_file.ts";
import { CommandStream } from "../../src/adapters/command_stream.ts";
import type { Command } from "../../src/core/command.ts";
import { RefusedError, TransientError } from "../../src/errors.ts";
import { CommandLoop } from "../../src/loops/commands.ts";
import {
  type ControlPlaneFixture,
  createControlPlaneFixture,
  type FixtureOptions,
} from "../fakes/control_plane_fixture.ts";

const KEEP_ALIVE: FixtureOptions = { keepAliveMs: 20 };

/** Collects what a loop delivers. */
class Inbox {
  readonly seen: Command[] = [];
  #changed = Promise.withResolvers<void>();

  take(command: Command): void {
    this.seen.push(command);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  ids(): string[] {
    return this.seen.map(({ id }) => id);
  }

  async until(count: number): Promise<void> {
    while (this.seen.length < count) await this.#changed.promise;
  }
}

function commandLoop(
  fixture: ControlPlaneFixture,
  onCommand: (command: Command) => Promise<void> | void,
): CommandLoop {
  return new CommandLoop({
    ...fixture.ports,
    source: new CommandStream(fixture.clock, fixture.api),
    position: new CommandFile(fixture.runtime.files, fixture.stateDir),
    onCommand: async (command) => await onCommand(command),
  });
}

async function startRegistered(options: FixtureOptions = KEEP_ALIVE) {
  const fixture = await createControlPlaneFixture(options);
  fixture.start(fixture.registration);
  await fixture.session.ready(fixture.signal);
  return fixture;
}

/** Moves the clock through every backoff until `done`; real answers travel in between. */
async function elapseUntil(fixture: ControlPlaneFixture, done: () => boolean): Promise<void> {
  while (!done()) {
    fixture.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `cmd-${from + index}`);
}

function enqueue(fixture: ControlPlaneFixture, count: number): void {
  for (let n = 0; n < count; n += 1) {
    fixture.controlPlane.enqueueCommand({ type: "execute", data: { n } });
  }
}

Deno.test("CommandLoop delivers commands in order as they are queued", async () => {
  await using fixture = await startRegistered();
  const inbox = new Inbox();
  enqueue(fixture, 2);
  fixture.start(commandLoop(fixture, (command) => inbox.take(command)));
  await inbox.until(2);
  enqueue(fixture, 3);
  await inbox.until(5);
  assert.deepEqual(inbox.ids(), numbered(1, 5));
  assert.deepEqual(inbox.seen[4], { id: "cmd-5", type: "execute", data: { n: 2 } });
  assert.deepEqual(fixture.controlPlane.commands.resumedAfter, [null]);
});

Deno.test("CommandLoop resumes after resets and an outage: nothing lost, nothing reordered", async () => {
  await using fixture = await startRegistered();
  const inbox = new Inbox();
  fixture.start(commandLoop(fixture, (command) => inbox.take(command)));
  enqueue(fixture, 2);
  await inbox.until(2);
  for (let round = 0; round < 3; round += 1) {
    const seen = inbox.seen.length;
    fixture.controlPlane.commands.breakStreams();
    enqueue(fixture, 2);
    await elapseUntil(fixture, () => inbox.seen.length >= seen + 2);
  }
  await fixture.controlPlane.server.stop();
  enqueue(fixture, 4);
  await elapseUntil(fixture, () => fixture.health.get("commands")!.state === "degraded");
  fixture.controlPlane.server.start();
  await elapseUntil(fixture, () => inbox.seen.length >= 12);
  assert.deepEqual([...new Set(inbox.ids())], numbered(1, 12));
  assert.ok(fixture.controlPlane.commands.resumedAfter.includes("cmd-8"));
});

Deno.test("CommandLoop goes on after a restart where it had been", async () => {
  await using fixture = await startRegistered();
  const stopped = new AbortController();
  const first = new Inbox();
  enqueue(fixture, 2);
  const running = commandLoop(fixture, (command) => {
    if (command.id === "cmd-2") {
      // The process dies while the second command is being made durable.
      stopped.abort();
      stopped.signal.throwIfAborted();
    }
    first.take(command);
  }).run(stopped.signal);
  await running;
  assert.deepEqual(first.ids(), ["cmd-1"]);
  const second = new Inbox();
  fixture.start(commandLoop(fixture, (command) => second.take(command)));
  await second.until(1);
  assert.deepEqual(second.ids(), ["cmd-2"]);
  assert.equal(fixture.controlPlane.commands.resumedAfter.at(-1), "cmd-1");
});

for (
  const error of [
    new TransientError("disk_full", "no space left"),
    // It could not be put on record that it was refused.
    new RefusedError("audit_unavailable", "the disk is full"),
  ]
) {
  Deno.test(`CommandLoop tries a command again while its handler throws ${error.code}`, async () => {
    await using fixture = await startRegistered();
    const inbox = new Inbox();
    let attempts = 0;
    enqueue(fixture, 2);
    fixture.start(commandLoop(fixture, (command) => {
      attempts += 1;
      if (attempts <= 3) throw error;
      inbox.take(command);
    }));
    await elapseUntil(fixture, () => inbox.seen.length >= 2);
    assert.deepEqual(inbox.ids(), ["cmd-1", "cmd-2"]);
  });
}

Deno.test("CommandLoop falls back to long polls where streams are not available", async () => {
  await using fixture = await startRegistered();
  fixture.controlPlane.refuseStreaming = true;
  const inbox = new Inbox();
  enqueue(fixture, 2);
  fixture.start(commandLoop(fixture, (command) => inbox.take(command)));
  await inbox.until(2);
  enqueue(fixture, 1);
  await inbox.until(3);
  assert.deepEqual(inbox.ids(), numbered(1, 3));
  assert.ok(fixture.logLines.some((line) => line.includes("commands_by_long_poll")));
});

Deno.test("CommandLoop falls back to long polls when streams keep breaking, and returns later", async () => {
  await using fixture = await startRegistered();
  fixture.start(commandLoop(fixture, () => {}));
  const { commands } = fixture.controlPlane;
  const polling = () => fixture.logLines.some((line) => line.includes("commands_by_long_poll"));
  while (!polling()) {
    commands.breakStreams();
    fixture.clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(commands.openStreams, 0);
  fixture.clock.advance(600_000);
  enqueue(fixture, 1);
  await fixture.controlPlane.until(() => commands.openStreams === 1);
});

Deno.test("CommandStream leaves a stream that has gone silent", async () => {
  await using fixture = await startRegistered({ keepAliveMs: 3_600_000 });
  const stream = new CommandStream(fixture.clock, fixture.api, 60_000);
  const events = await stream.stream(null, fixture.signal);
  enqueue(fixture, 1);
  const iterator = events![Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value.id, "cmd-1");
  const next = iterator.next();
  await fixture.clock.whenSleeping(2);
  fixture.clock.advance(61_000);
  await assert.rejects(next, (error: TransientError) => error.code === "timeout");
});

Deno.test("CommandStream refuses an event above the limit", async () => {
  await using fixture = await startRegistered();
  fixture.controlPlane.enqueueCommand({ type: "execute", data: "x".repeat(5_000_000) });
  const events = await new CommandStream(fixture.clock, fixture.api).stream(null, fixture.signal);
  await assert.rejects(
    async () => {
      for await (const _ of events!);
    },
    { code: "too_large" },
  );
});
