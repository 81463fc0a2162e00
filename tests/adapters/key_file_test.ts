import assert from "node:assert/strict";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { StalledError } from "../../src/errors.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { createStateDir } from "../fakes/control_plane_fixture.ts";

Deno.test("loadOrCreateKey() makes a private file once and reads it ever after", async () => {
  await using state = await createStateDir();
  const first = await loadOrCreateKey(systemFiles, state.path);
  const second = await loadOrCreateKey(systemFiles, state.path);
  assert.equal(first.jwk.kid, second.jwk.kid);
  assert.equal((await Deno.stat(`${state.path}/key.pem`)).mode! & 0o777, 0o600);
});

Deno.test("loadOrCreateKey() gives all racers the one key", async () => {
  await using state = await createStateDir();
  const keys = await Promise.all(
    Array.from({ length: 8 }, () => loadOrCreateKey(systemFiles, state.path)),
  );
  assert.equal(new Set(keys.map(({ jwk }) => jwk.kid)).size, 1);
  assert.deepEqual(await systemFiles.list(state.path), ["key.pem"]);
});

Deno.test("loadOrCreateKey() refuses a key that every user can read", async () => {
  await using state = await createStateDir();
  await loadOrCreateKey(systemFiles, state.path);
  await Deno.chmod(`${state.path}/key.pem`, 0o644);
  await assert.rejects(
    loadOrCreateKey(systemFiles, state.path),
    (error: StalledError) => error.code === "config_invalid" && /chmod 600/.test(error.hint!),
  );
});

Deno.test("loadOrCreateKey() never overwrites a damaged key", async () => {
  await using state = await createStateDir();
  await Deno.writeTextFile(`${state.path}/key.pem`, "half a key", { mode: 0o600 });
  await assert.rejects(loadOrCreateKey(systemFiles, state.path), StalledError);
  assert.equal(await Deno.readTextFile(`${state.path}/key.pem`), "half a key");
});
