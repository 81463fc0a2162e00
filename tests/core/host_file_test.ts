import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../src/core/encoding.ts";
import {
  fileObject,
  fileRef,
  FilesAction,
  isSameFile,
  readFileObject,
} from "../../src/core/host_file.ts";
import { describeIssues } from "../../src/core/schema_problem.ts";
import { parseWorkPackage, targetsOf } from "../../src/core/work_package.ts";

function read(entry: object) {
  const input = { root: "web", entries: [entry] };
  const parsed = FilesAction.safeParse(input);
  return parsed.success ? parsed.data.entries[0]! : describeIssues(parsed.error, input).join("; ");
}

Deno.test("FilesAction reads text, base64 and absence, and fills in mode 0644", () => {
  assert.deepEqual(read({ path: "conf.d/app.conf", content: "a: ü\n", mode: "0600" }), {
    path: "conf.d/app.conf",
    sensitive: false,
    file: { content: encodeUtf8("a: ü\n"), mode: 0o600 },
  });
  assert.deepEqual(read({ path: "a", contentBase64: "AAE=", sensitive: true }), {
    path: "a",
    sensitive: true,
    file: { content: new Uint8Array([0, 1]), mode: 0o644 },
  });
  assert.deepEqual(read({ path: "a", absent: true }), { path: "a", sensitive: false, file: null });
  assert.deepEqual(read({ path: "a", content: "" }), {
    path: "a",
    sensitive: false,
    file: { content: new Uint8Array(), mode: 0o644 },
  });
});

const BAD: [what: string, entry: object, message: RegExp][] = [
  ["an absolute path", { path: "/etc/passwd", content: "" }, /relative to the root/],
  ["a way up", { path: "a/../../b", content: "" }, /must not hold empty names/],
  ["a way up alone", { path: "..", absent: true }, /must not hold empty names/],
  ["a dot", { path: "./a", content: "" }, /must not hold empty names/],
  ["an empty name", { path: "a//b", content: "" }, /must not hold empty names/],
  ["a folder", { path: "a/", content: "" }, /must not hold empty names/],
  ["no path", { path: "", content: "" }, /path/],
  ["NUL", { path: "a\0b", content: "" }, /letters, digits/],
  ["a line break", { path: "a\nb", content: "" }, /letters, digits/],
  ["a line break at the end", { path: "a\n", content: "" }, /letters, digits/],
  ["a backslash", { path: "a\\b", content: "" }, /letters, digits/],
  ["a look-alike", { path: "аpp.conf", content: "" }, /letters, digits/],
  ["a long path", { path: "a/".repeat(300) + "a", content: "" }, /at most 512/],
  ["a deep path", { path: "a/".repeat(16) + "a", content: "" }, /deeper than 16/],
  ["a long name", { path: "a".repeat(201), content: "" }, /more than 200/],
  ["the connector's own names", { path: "a/.neuralops-x.tmp", content: "" }, /connector's own/],
  ["setuid", { path: "a", content: "", mode: "4755" }, /no setuid/],
  ["sticky", { path: "a", content: "", mode: "1755" }, /no setuid/],
  [
    "a mode that YAML took for a number",
    { path: "a", content: "", mode: 644 },
    /mode.*type string/,
  ],
  ["three digits", { path: "a", content: "", mode: "644" }, /four octal digits/],
  ["a file that its owner cannot read", { path: "a", content: "", mode: "0244" }, /owner reads/],
  ["two contents", { path: "a", content: "", contentBase64: "" }, /unknown field/],
  ["content of an absent file", { path: "a", content: "", absent: true }, /unknown field/],
  ["neither content nor absence", { path: "a" }, /content|absent/],
  ["base64 without padding", { path: "a", contentBase64: "AAE" }, /standard base64/],
  ["half a character", { path: "a", content: "\ud800" }, /proper Unicode/],
  ["too much", { path: "a", content: "x".repeat(1024 * 1024 + 1) }, /at most 1048576 bytes/],
  ["an owner", { path: "a", content: "", owner: "root" }, /unknown field/],
];
for (const [what, entry, message] of BAD) {
  Deno.test(`FilesAction refuses ${what}`, () => assert.match(String(read(entry)), message));
}

Deno.test("whatever path is let through leads to one place under its root", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab./-~ \\\0é_") });
  fc.assert(
    fc.property(text, (path) => {
      const entry = read({ path, content: "" });
      if (typeof entry === "string") return;
      assert.equal(new URL(`file:///root/${encodeURI(path)}`).pathname, `/root/${encodeURI(path)}`);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a preimage of a file gives back its bytes and mode, and what was not there", () => {
  const ref = fileRef("web", "a/b");
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 0o400, max: 0o777 }), (content, mode) => {
      const object = JSON.parse(JSON.stringify(
        fileObject(ref, { file: { content, mode, foreignOwner: "0:0" }, missing: [] }),
      ));
      const { file } = readFileObject(object);
      assert.ok(isSameFile(file, { content, mode }));
      assert.equal(file?.foreignOwner, "0:0");
    }),
  );
  assert.deepEqual(readFileObject(fileObject(ref, { file: null, missing: ["a"] })), {
    file: null,
    missing: ["a"],
  });
});

function parse(actions: object[]) {
  return parseWorkPackage(encodeUtf8(JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: "a", stream: "s", sequence: 1 },
    spec: {
      target: { clusterIds: ["c"] },
      notBefore: "2026-11-22T10:00:00Z",
      expiresAt: "2026-11-22T11:00:00Z",
      risk: "low",
      reason: "r",
      actions,
    },
  })));
}
const put = (...paths: string[]) => ({
  files: { root: "web", entries: paths.map((path) => ({ path, content: "x" })) },
});

Deno.test("parseWorkPackage names files by root and path", () => {
  const [target] = targetsOf(parse([put("conf.d/app.conf")]));
  assert.deepEqual(target, {
    action: "files",
    ref: {
      apiVersion: "files.neuralops.io/v1",
      kind: "File",
      namespace: "web",
      name: "conf.d/app.conf",
    },
  });
});

Deno.test("parseWorkPackage refuses a file twice, as file and folder, and by other actions", () => {
  const refused = (message: RegExp) => ({ code: "malformed_package", message });
  assert.throws(() => parse([put("a"), put("a")]), refused(/File web\/a twice/));
  assert.throws(
    () => parse([put("a/b/c"), put("a/b")]),
    refused(/web\/a\/b as a file and as a folder/),
  );
  const ref = { apiVersion: "files.neuralops.io/v1", kind: "File", namespace: "web", name: "a" };
  assert.throws(() => parse([{ delete: { refs: [ref] } }]), refused(/by a files action only/));
  assert.doesNotThrow(() => parse([put("a/b", "a/bc", "ab")]));
});

Deno.test("content of a package reaches the file byte for byte", () => {
  const action = parse([put("a")]).spec.actions[0]!;
  assert.ok("files" in action);
  assert.equal(decodeUtf8(action.files.entries[0]!.file!.content), "x");
});
