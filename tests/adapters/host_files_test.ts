import assert from "node:assert/strict";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { FileTree, TreeEntry } from "../../src/runtime.ts";
import { systemTree } from "../../src/runtime_deno/file_tree.ts";
import { type HostTree, openTree, withHostTree } from "../fakes/host_tree.ts";

const at = (path: string) => ({ root: "web", path });
const file = (text: string, mode = 0o644) => ({ content: encodeUtf8(text), mode });
const LEFT = /^(?:.*\/)?\.neuralops-/;

async function assertNothingLeft(host: HostTree): Promise<void> {
  const left = Object.keys(await host.snapshot()).filter((path) => LEFT.test(path));
  assert.deepEqual(left, []);
}

Deno.test("a file is placed whole, with its mode, in folders that are made", () =>
  withHostTree(async (host) => {
    const files = host.files();
    const place = at("conf.d/http/app.conf");
    const before = await files.look(place);
    assert.deepEqual(before, {
      file: null,
      missing: ["conf.d", "conf.d/http"],
      identity: null,
    });
    await files.put(place, file("a: 1\n", 0o640), before);
    const { file: found, missing } = await files.look(place);
    assert.deepEqual([found?.mode, found?.content, found?.foreignOwner], [
      0o640,
      encodeUtf8("a: 1\n"),
      null,
    ]);
    assert.deepEqual(missing, []);
    assert.deepEqual(Object.keys(await host.snapshot()), [
      "conf.d",
      "conf.d/http",
      "conf.d/http/app.conf",
    ]);
  }));

Deno.test("a file is replaced by another inode, so that readers have the old or the new one", () =>
  withHostTree(async (host) => {
    await host.write("app.conf", "old");
    const files = host.files();
    const seen = await files.look(at("app.conf"));
    await files.put(at("app.conf"), file("new", 0o755), seen);
    assert.notEqual((await files.look(at("app.conf"))).identity, seen.identity);
    assert.deepEqual(await host.snapshot(), { "app.conf": `0755 ${btoa("new")}` });
  }));

Deno.test("a file is removed, and folders only where they are empty", () =>
  withHostTree(async (host) => {
    await host.write("a/b/app.conf", "x");
    await host.write("a/other.conf", "y");
    const files = host.files();
    await files.remove(at("a/b/app.conf"), await files.look(at("a/b/app.conf")));
    await files.removeFolders("web", ["a", "a/b"]);
    assert.deepEqual(Object.keys(await host.snapshot()), ["a", "a/other.conf"]);
  }));

Deno.test("a file that was replaced since it was seen is neither overwritten nor removed", () =>
  withHostTree(async (host) => {
    await host.write("app.conf", "old");
    const files = host.files();
    const seen = await files.look(at("app.conf"));
    await host.write("next", "someone else's");
    await Deno.rename(`${host.path}/next`, `${host.path}/app.conf`);
    const changed = { code: "plan_changed" };
    await assert.rejects(files.put(at("app.conf"), file("new"), seen), changed);
    await assert.rejects(files.remove(at("app.conf"), seen), changed);
    assert.deepEqual(await host.snapshot(), { "app.conf": `0644 ${btoa("someone else's")}` });
  }));

const REFUSED: [what: string, path: string, message: RegExp][] = [
  ["a link to a file", "file", /web\/file is a symbolic link/],
  ["a link that leads nowhere", "dangling", /web\/dangling is a symbolic link/],
  ["a link on the way", "linked/app.conf", /linked is a symbolic link/],
  ["a link on the way to nothing", "linked/new.conf", /linked is a symbolic link/],
  ["a directory", "real", /web\/real is a directory/],
  ["a file on the way", "real/app.conf/x", /app\.conf is a file, and must be a directory/],
];
for (const [what, path, message] of REFUSED) {
  Deno.test(`${what} is refused, to look at and to write`, async () => {
    const files = (await openTree("tests/testdata/host_files/root")).files();
    const refused = { code: "file_refused", message };
    await assert.rejects(files.look(at(path)), refused);
    const unseen = { file: null, missing: [], identity: null };
    // The test has no leave to write there at all: whatever is tried is tried too late.
    await assert.rejects(
      files.put(at(path), file("x"), unseen),
      (error: Error & { code: string }) =>
        error.code === "file_refused" || error.code === "access_denied",
    );
  });
}

Deno.test("a root that has become a link since the start is refused", async () => {
  const host = await openTree("tests/testdata/host_files/root");
  const files = host.files({ root: { path: `${host.path}/../linked_root` } });
  await assert.rejects(files.look(at("real/app.conf")), {
    code: "file_refused",
    message: /is a symbolic link/,
  });
});

Deno.test("a hard link is refused: it is another file as well", () =>
  withHostTree(async (host) => {
    await host.write("elsewhere", "secret");
    await Deno.link(`${host.path}/elsewhere`, `${host.path}/app.conf`);
    await assert.rejects(host.files().look(at("app.conf")), {
      code: "file_refused",
      message: /has 2 hard links/,
    });
  }));

Deno.test("modes, sizes and owners beyond the root's limits are refused", () =>
  withHostTree(async (host) => {
    const refused = (message: RegExp) => ({ code: "file_refused", message });
    const files = host.files({ root: { maxMode: 0o644, maxBytes: 4 } });
    assert.throws(
      () => files.check(at("a"), file("x", 0o755)),
      refused(/mode 0755 is more than the 0644/),
    );
    assert.throws(() => files.check(at("a"), file("x", 0o4644)), refused(/mode 4644/));
    assert.throws(() => files.check(at("a"), file("12345")), refused(/more than the 4 bytes/));
    assert.throws(
      () => files.check({ root: "db", path: "a" }, file("x")),
      { code: "not_found", message: /no root db: its roots are web/ },
    );
    await host.write("large", "12345");
    await assert.rejects(files.look(at("large")), refused(/more than the 4 bytes/));
    await host.write("setuid", "x", 0o4644);
    await assert.rejects(files.look(at("setuid")), refused(/mode 4644/));

    await host.write("theirs", "x");
    const entry = (await systemTree.lstat(`${host.path}/theirs`))!;
    const foreign = { ...systemTree, lstat: owned(entry.identity), read: readOwned };
    await assert.rejects(host.files({ tree: foreign }).look(at("theirs")), refused(/owned by 7:8/));
    const allowed = host.files({ tree: foreign, root: { owner: { uid: 7, gid: 8 } } });
    assert.equal((await allowed.look(at("theirs"))).file?.foreignOwner, "7:8");
  }));

const owned = (identity: string) => async (path: string) => {
  const entry = await systemTree.lstat(path);
  return entry?.identity === identity ? { ...entry, uid: 7, gid: 8 } : entry;
};
const readOwned: FileTree["read"] = async (path, maxBytes) => {
  const opened = await systemTree.read(path, maxBytes);
  return opened && { ...opened, entry: { ...opened.entry, uid: 7, gid: 8 } };
};

for (const type of ["other", "link"] as const) {
  Deno.test(`what has become a ${type} between two looks is refused`, () =>
    withHostTree(async (host) => {
      await host.write("app.conf", "x");
      const lstat = async (path: string): Promise<TreeEntry | null> => {
        const entry = await systemTree.lstat(path);
        return entry && path.endsWith("app.conf") ? { ...entry, type } : entry;
      };
      const files = host.files({ tree: { ...systemTree, lstat } });
      await assert.rejects(files.look(at("app.conf")), { code: "file_refused" });
    }));
}

/** Someone who can write in the root puts another folder in the place of `conf.d`, once, before one call. */
function swapBefore(host: HostTree, call: keyof FileTree, nth = 1): FileTree {
  let calls = 0;
  const real = systemTree[call] as (...args: unknown[]) => Promise<unknown>;
  return {
    ...systemTree,
    async [call](...args: unknown[]) {
      if (++calls === nth) {
        await Deno.rename(`${host.path}/conf.d`, `${host.path}/moved`);
        await Deno.rename(`${host.path}/evil`, `${host.path}/conf.d`);
      }
      return await real(...args);
    },
  };
}

const RACES: [verb: "put" | "remove", call: keyof FileTree, nth: number][] = [
  ["put", "create", 1],
  ["put", "realPath", 1],
  ["put", "rename", 1],
  ["remove", "makeDirectory", 1],
  ["remove", "rename", 1],
  ["remove", "realPath", 1],
  ["remove", "remove", 1],
];
for (const [verb, call, nth] of RACES) {
  Deno.test(`a folder exchanged before ${verb} calls ${call} loses no file of the other folder`, () =>
    withHostTree(async (host) => {
      await host.write("conf.d/app.conf", "ours");
      await host.write("evil/app.conf", "not ours");
      const place = at("conf.d/app.conf");
      const seen = await host.files().look(place);
      const files = host.files({ tree: swapBefore(host, call, nth) });
      const work = verb === "put" ? files.put(place, file("new"), seen) : files.remove(place, seen);
      const refused = await work.then(() => null, (error) => error.code);
      const now = await host.snapshot();
      assert.equal(now["conf.d/app.conf"], `0644 ${btoa("not ours")}`);
      if (refused === null) assert.equal(`${verb} ${call}`, "remove remove", "went unnoticed");
      else assert.ok(["file_refused", "plan_changed"].includes(refused), refused);
    }));
}

Deno.test("what a crash left in the middle is undone, and nothing of others with it", () =>
  withHostTree(async (host) => {
    await host.write("app.conf", "x");
    const files = host.files();
    const seen = await files.look(at("app.conf"));
    const crash = () => Promise.reject(new Error("crash"));
    // Set aside, and not yet gone.
    await assert.rejects(
      host.files({ tree: { ...systemTree, remove: crash } }).remove(at("app.conf"), seen),
    );
    assert.equal((await files.look(at("app.conf"))).file, null);
    await files.tidy(at("app.conf"));
    assert.deepEqual(await host.snapshot(), { "app.conf": `0644 ${btoa("x")}` });
    // Written beside it, and not yet moved into its place.
    let calls = 0;
    const remove = (path: string) => ++calls === 1 ? systemTree.remove(path) : crash();
    const half = host.files({ tree: { ...systemTree, rename: crash, remove } });
    await assert.rejects(half.put(at("app.conf"), file("y"), await files.look(at("app.conf"))));
    assert.equal(Object.keys(await host.snapshot()).length, 2);
    await files.tidy(at("app.conf"));
    assert.deepEqual(await host.snapshot(), { "app.conf": `0644 ${btoa("x")}` });
    await assertNothingLeft(host);
  }));

Deno.test("a folder under the name of an unfinished file is refused, and left", () =>
  withHostTree(async (host) => {
    const files = host.files();
    const seen = await files.look(at("app.conf"));
    const names: string[] = [];
    const tree = {
      ...systemTree,
      create: (path: string) => (names.push(path), Promise.resolve(null)),
    };
    await assert.rejects(host.files({ tree }).put(at("app.conf"), file("x"), seen));
    await Deno.mkdir(`${names[0]}/inner`, { recursive: true });
    const refused = { code: "file_refused", message: /was made by someone else/ };
    await assert.rejects(files.put(at("app.conf"), file("x"), seen), refused);
    await files.tidy(at("app.conf"));
    assert.deepEqual(Object.values(await host.snapshot()), ["0755 folder", "0755 folder"]);
  }));
