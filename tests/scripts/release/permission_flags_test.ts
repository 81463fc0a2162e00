import assert from "node:assert/strict";
import { permissionFlags } from "../../../scripts/release/permission_flags.ts";

Deno.test("permissionFlags() grants what the set grants, never asks, and fetches no code", () => {
  const flags = permissionFlags({
    read: true,
    write: ["/var/lib/x", "/run/x"],
    net: true,
    sys: ["hostname"],
    env: { allow: ["A", "B"], ignore: true },
  });
  assert.deepEqual(flags, [
    "--allow-read",
    "--allow-write=/var/lib/x,/run/x",
    "--allow-net",
    "--allow-sys=hostname",
    "--allow-env=A,B",
    "--ignore-env",
    "--deny-import",
    "--no-prompt",
  ]);
  assert.deepEqual(permissionFlags({}), ["--deny-import", "--no-prompt"]);
});

for (const path of [".", "./state", "state", "../x", ""]) {
  Deno.test(`permissionFlags() refuses the relative path "${path}"`, () => {
    assert.throws(() => permissionFlags({ write: ["/run/x", path] }), /not an absolute path/);
  });
}

for (const kind of ["run", "ffi", "import", "all"]) {
  Deno.test(`permissionFlags() refuses ${kind}`, () => {
    const set = { read: true as const, [kind]: true };
    assert.throws(() => permissionFlags(set), new RegExp(`must not be compiled in: ${kind}`));
  });
}
