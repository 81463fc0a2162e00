import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8, sha256Hex } from "../../src/core/encoding.ts";
import { diffFiles } from "../../src/core/file_diff.ts";
import { fileRef } from "../../src/core/host_file.ts";
import { sealPlan } from "../../src/core/plan.ts";
import { formatPlan } from "../../src/core/plan_text.ts";

const OPEN = { salt: "s", sensitive: false };
const file = (text: string | Uint8Array, mode = 0o644) => ({
  content: typeof text === "string" ? encodeUtf8(text) : text,
  mode,
});
const named = (text: string) => `${text.length} bytes, sha256:${sha256Hex(text)}`;

Deno.test("diffFiles shows a changed text as diff -u does, and the mode", () => {
  const before = file("one\ntwo\nthree\nfour\nfive\nsix\n");
  const after = file("one\ntwo\nthree\nfour\nFIVE\nsix\n", 0o755);
  const changes = diffFiles(before, after, OPEN);
  assert.deepEqual(changes, [
    {
      path: "content",
      from: named("one\ntwo\nthree\nfour\nfive\nsix\n"),
      to: named("one\ntwo\nthree\nfour\nFIVE\nsix\n"),
      lines: ["@@ -2,5 +2,5 @@", " two", " three", " four", "-five", "+FIVE", " six"],
    },
    { path: "mode", from: "0644", to: "0755" },
  ]);
  const entry = {
    action: "files" as const,
    verb: "change" as const,
    ref: fileRef("web", "conf.d/app.conf"),
    uid: null,
    changes,
    warnings: [],
  };
  const lines = formatPlan(sealPlan("sha256:0", [entry], 0));
  assert.equal(lines[0], "~ change files.neuralops.io/v1/File web/conf.d/app.conf (files)");
  assert.deepEqual(lines.slice(6, 8), ["        -five", "        +FIVE"]);
});

Deno.test("diffFiles shows a new text whole, and of a removed one size and hash", () => {
  assert.deepEqual(diffFiles(null, file("a\n"), OPEN), [
    { path: "content", to: named("a\n"), lines: ["@@ -0,0 +1,1 @@", "+a"] },
    { path: "mode", to: "0644" },
  ]);
  assert.deepEqual(diffFiles(file("a\n"), null, OPEN), [
    { path: "content", from: named("a\n") },
    { path: "mode", from: "0644" },
  ]);
  assert.deepEqual(diffFiles(file("a"), file("a"), OPEN), []);
});

Deno.test("diffFiles shows bytes that are no text by size and hash alone", () => {
  for (const bytes of [new Uint8Array([0xff, 0xfe]), new Uint8Array([0x41, 0x00])]) {
    const [change] = diffFiles(file("a"), file(bytes), OPEN);
    assert.equal(change?.to, `2 bytes, sha256:${sha256Hex(bytes)}`);
    assert.equal(change?.lines, undefined);
  }
});

Deno.test("diffFiles masks what is sensitive, or open to its owner alone, and shows that it changed", () => {
  const secret = "password: hunter2\n";
  const cases = [
    diffFiles(file("old\n"), file(secret), { salt: "s", sensitive: true }),
    diffFiles(file("old\n", 0o600), file(secret), OPEN),
    diffFiles(file("old\n"), file(secret, 0o600), OPEN),
    diffFiles(file(secret), null, { salt: "s", sensitive: true }),
  ];
  for (const changes of cases) {
    const shown = JSON.stringify(changes);
    assert.match(shown, /bytes \(secret [0-9a-f]{12}\)/);
    assert.doesNotMatch(shown, /hunter2|old/);
    assert.ok(!shown.includes(sha256Hex(secret)));
  }
  const withSalt = (salt: string) => diffFiles(null, file(secret, 0o600), { ...OPEN, salt });
  assert.notDeepEqual(withSalt("a"), withSalt("b"));
  assert.deepEqual(withSalt("a"), withSalt("a"));
});

Deno.test("diffFiles bounds what it shows, and covers the rest by hash", () => {
  const long = Array.from({ length: 1000 }, (_, index) => `line ${index} ${"x".repeat(500)}`);
  const [change] = diffFiles(null, file(long.join("\n")), OPEN);
  assert.equal(change?.lines?.length, 201);
  assert.match(change!.lines!.at(-1)!, /more lines/);
  assert.ok(change!.lines!.every((line) => line.length < 250));
  const other = [...long.slice(0, -1), "another end"].join("\n");
  const [changed] = diffFiles(null, file(other), OPEN);
  assert.deepEqual(changed?.lines?.slice(0, 100), change?.lines?.slice(0, 100));
  assert.notEqual(changed?.to, change?.to);
});

Deno.test("diffFiles is empty only where nothing changes, and the same each time", () => {
  const some = fc.option(
    fc.record({ content: fc.uint8Array(), mode: fc.constantFrom(0o600, 0o644) }),
  );
  fc.assert(fc.property(some, some, fc.boolean(), (before, after, sensitive) => {
    const options = { salt: "s", sensitive };
    const changes = diffFiles(before, after, options);
    const isSame = before?.mode === after?.mode &&
      before?.content.toHex() === after?.content.toHex();
    assert.equal(changes.length === 0, isSame);
    assert.deepEqual(diffFiles(before, after, options), changes);
  }));
});
