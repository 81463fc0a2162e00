import assert from "node:assert/strict";
import { packagesIn } from "../../../scripts/release/contents.ts";

const CACHE = "/home/a/.cache/deno/npm/registry.example";

Deno.test("packagesIn() names each package once, and leaves out the program's own modules", () => {
  const found = packagesIn([
    "/tmp/x/main.ts",
    `${CACHE}/zod/4.6.7/v4/core.js`,
    `${CACHE}/zod/4.6.7/index.js`,
    `${CACHE}/@noble/curves/2.4.0/abstract/frost.js`,
    `${CACHE}/yaml/3.0.0-1/dist/a.js`,
    `${CACHE}/ws/8.1.0_1/lib/npm/ws/9.0.0/a.js`,
  ], "/tmp/x");
  assert.deepEqual(found.map(({ name, version }) => `${name}@${version}`), [
    "@noble/curves@2.4.0",
    "ws@8.1.0",
    "yaml@3.0.0-1",
    "zod@4.6.7",
  ]);
  assert.equal(found[3]!.folder, `${CACHE}/zod/4.6.7/`);
});

Deno.test("packagesIn() refuses a module of unknown origin", () => {
  assert.throws(() => packagesIn(["/etc/x.js"], "/tmp/x"), /\/etc\/x\.js belongs to no package/);
  assert.throws(() => packagesIn(["/tmp/xy/main.ts"], "/tmp/x"), /belongs to no package/);
});
