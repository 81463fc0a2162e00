import assert from "node:assert/strict";
import { renameChunks } from "../../../scripts/release/chunk_names.ts";

const bundle = (shared: string, lazy: string) =>
  new Map([
    [lazy, `import{a}from"./${shared}";`],
    ["main.js", `import{a}from"./${shared}";const b=()=>import("./${lazy}");`],
    [shared, `export const a="./elsewhere.js";`],
  ]);

Deno.test("renameChunks() gives the same files whatever the bundler's hashes were", () => {
  const one = renameChunks(bundle("chunk-AAAAAAAA.js", "simulate-BBBBBBBB.js"), "main.js");
  const other = renameChunks(bundle("chunk-12345678.js", "simulate-ZZ9ZZ9ZZ.js"), "main.js");
  assert.deepEqual([...one], [...other]);
  assert.deepEqual([...one.keys()], ["main.js", "chunk-1.js", "simulate-1.js"]);
});

Deno.test("renameChunks() changes references to chunks, and no other text", () => {
  const files = renameChunks(bundle("chunk-AAAAAAAA.js", "chunk-BBBBBBBB.js"), "main.js");
  assert.equal(
    files.get("main.js"),
    `import{a}from"./chunk-1.js";const b=()=>import("./chunk-2.js");`,
  );
  assert.equal(files.get("chunk-1.js"), `export const a="./elsewhere.js";`);
});

Deno.test("renameChunks() refuses a file that nothing imports", () => {
  const files = bundle("chunk-AAAAAAAA.js", "chunk-BBBBBBBB.js").set("lost-CCCCCCCC.js", "");
  assert.throws(() => renameChunks(files, "main.js"), /lost-CCCCCCCC\.js/);
});
