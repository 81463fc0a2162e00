import assert from "node:assert/strict";
import { Progress } from "../../src/cli/progress.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

async function run(isTerminal: boolean, total: number | null, steps: number): Promise<string[]> {
  const clock = new FakeClock();
  const written: string[] = [];
  const output = { isTerminal, clock, write: (text: string) => void written.push(text) };
  const progress = await Progress.start(output, "audit log", () => Promise.resolve(total));
  for (let step = 0; step < steps; step++) {
    clock.advance(1000);
    progress.add(10_000_000);
  }
  progress.end();
  return written;
}

Deno.test("progress says nothing of work that is done within two seconds", async () => {
  assert.deepEqual(await run(true, 10_000_000, 1), []);
  assert.deepEqual(await run(false, 10_000_000, 1), []);
});

Deno.test("progress redraws its line on a terminal, and leaves none behind", async () => {
  const written = await run(true, 100_000_000, 5);
  assert.equal(
    written[0],
    "\r\u001b[Kaudit log [#####-------------------] 20% of 100 MB, 10.0 MB/s, 8 s left",
  );
  assert.equal(written.at(-1), "\r\u001b[K");
  assert.equal(written.length, 5);
});

Deno.test("progress writes plain lines now and then where there is no terminal", async () => {
  const written = await run(false, null, 25);
  assert.equal(written.length, 3);
  assert.equal(written[0], "audit log: 20.0 MB, 10.0 MB/s\n");
  assert.ok(written.every((line) => !line.includes("\u001b") && line.endsWith("\n")));
});
