import assert from "node:assert/strict";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { StalledError } from "../../src/errors.ts";
import { FileWatch, LOOK_EVERY_MS } from "../../src/loops/file_watch.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

/** What is under a name: text, nothing, or an error. */
type Contents = Record<string, string | Error | undefined>;

async function withWatch(
  paths: readonly string[],
  work: (
    contents: Contents,
    look: () => Promise<number>,
    clock: FakeClock,
  ) => Promise<void>,
): Promise<void> {
  const contents: Contents = { "/a": "one", "/b": "two" };
  const clock = new FakeClock();
  const random = { fraction: () => 1, bytes: () => new Uint8Array(), uuid: () => "" };
  const read = (path: string) => {
    const found = contents[path];
    return found instanceof Error
      ? Promise.reject(found)
      : Promise.resolve(found === undefined ? null : encodeUtf8(found));
  };
  const watch = await FileWatch.begin({ clock, random, files: { read } }, paths);
  const stop = new AbortController();
  let changes = 0;
  const running = watch.run(() => void changes++, stop.signal);
  const look = async () => {
    await clock.whenSleeping();
    clock.advance(LOOK_EVERY_MS);
    await clock.whenSleeping();
    return changes;
  };
  try {
    await work(contents, look, clock);
  } finally {
    stop.abort();
    await running;
  }
}

Deno.test("FileWatch calls back once for each change of bytes, within one look", () =>
  withWatch(["/a", "/b"], async (contents, look) => {
    assert.equal(await look(), 0);
    contents["/b"] = "TWO"; // of the same size
    assert.equal(await look(), 1);
    assert.equal(await look(), 1);
    contents["/a"] = "ONE";
    contents["/b"] = "two";
    assert.equal(await look(), 2);
  }));

Deno.test("FileWatch takes a file that goes, cannot be read, or comes back for changed", () =>
  withWatch(["/a", "/b"], async (contents, look) => {
    contents["/a"] = undefined;
    assert.equal(await look(), 1);
    contents["/a"] = new StalledError("access_denied", "no");
    assert.equal(await look(), 1, "not there for this process either way");
    contents["/a"] = "one";
    assert.equal(await look(), 2);
  }));

Deno.test("FileWatch looks at nothing else, and not at all where there is nothing to look at", async () => {
  await withWatch(["/a"], async (contents, look) => {
    contents["/b"] = "other";
    assert.equal(await look(), 0);
  });
  await withWatch([], (_contents, _look, clock) => {
    assert.equal(clock.sleeping, 0);
    return Promise.resolve();
  });
});
