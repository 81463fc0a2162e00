import assert from "node:assert/strict";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { openAdmin } from "../fakes/open_admin.ts";
import { type CliParts, runCli } from "../fakes/cli_io.ts";
import {
  applyAction,
  configMap,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

interface Fixture {
  readonly directory: string;
  /** Of a package that was refused for its signature, and so has no record. */
  readonly unsigned: string;
  /** Of one that waits for a person. */
  readonly pending: string;
  run(args: readonly string[], files?: CliParts["files"]): ReturnType<typeof runCli>;
  /** On the real disk, but for the socket. */
  runOnDisk(args: readonly string[]): ReturnType<typeof runCli>;
}

async function withConnector(work: (fixture: Fixture) => Promise<void>): Promise<void> {
  const ground = await layGround();
  const stand = (await Stand.open(ground)).start();
  const { clock } = ground.runtime;
  const log = new JsonLogger(clock, () => {}, "error", new SecretMask());
  const admin = await openAdmin(ground, stand, log);
  const at = ["--state-dir", "/state"];
  try {
    const bytes = packageOf({ actions: applyAction(configMap("a", { a: "1" })) });
    const { id: pending } = await send(stand, ground, bytes);
    await stand.until(pending, "pending_approval");
    await stand.intake.receive({ payload: encodeUtf8("no package"), bundles: [], source: "push" })
      .catch(() => {});
    const [unsigned] = (await stand.receipts.undelivered())
      .map(({ executionId }) => executionId).filter((id) => id !== pending);
    const fetch = (url: string, init: RequestInit) => admin(new Request(url, init));
    const http = { ...systemRuntime().http, client: () => ({ fetch, close: () => {} }) };
    await work({
      directory: ground.directory,
      unsigned: unsigned!,
      pending,
      run: (args, files = {}) => runCli([...args, ...at], { admin, files }),
      runOnDisk: (args) => runCli([...args, ...at], { runtime: { ...systemRuntime(), http } }),
    });
  } finally {
    await stand.kill();
    await ground.close();
  }
}

Deno.test("a receipt is exported and checked offline with the key that key prints", () =>
  withConnector(async ({ run, pending, unsigned }) => {
    const pem = (await run(["key"])).out;
    assert.match(pem, /^-----BEGIN PUBLIC KEY-----\n/);
    const jwk = (await run(["key", "-o", "json"])).out;
    assert.equal(JSON.parse(jwk).crv, "Ed25519");
    for (
      const [id, state, key] of [
        [pending, "pending_approval", pem],
        [unsigned, "refused", jwk],
      ] as const
    ) {
      const exported = await run(["executions", "receipt", id]);
      assert.equal(exported.exitCode, 0, exported.errors);
      const files = { "r.jws": exported.out, key };
      const args = ["verify-receipt", "r.jws", "--key", "key"];
      const verified = await runCli(args, { files });
      assert.equal(verified.exitCode, 0, verified.errors);
      assert.match(verified.out, /^Verified OK: r\.jws\n/);
      assert.match(verified.out, new RegExp(`execution +${id}\n`));
      assert.match(verified.out, new RegExp(`state +${state}\n`));
      const json = await runCli([...args, "-o", "json"], { files });
      assert.equal(JSON.parse(json.out).receipt.state, state);

      const altered = { ...files, "r.jws": exported.out.replace(/\.[^.]{3}/, ".AAA") };
      const refused = await runCli(args, { files: altered });
      assert.deepEqual([refused.exitCode, refused.out], [1, ""]);
      assert.match(refused.errors, /^REFUSED bad_signature: signature check failed/);
    }
  }));

Deno.test("executions receipt writes a file, and says so where it cannot", () =>
  withConnector(async ({ runOnDisk, run, directory, pending }) => {
    const path = `${directory}/receipt.jws`;
    const written = await runOnDisk(["executions", "receipt", pending, "--output-file", path]);
    assert.equal(written.exitCode, 0, written.errors);
    const { out } = await run(["executions", "receipt", pending]);
    assert.equal(await Deno.readTextFile(path), `${out}\n`);
    const nowhere = ["executions", "receipt", pending, "--output-file", "./docs/receipt.jws"];
    const failed = await runOnDisk(nowhere);
    assert.equal(failed.exitCode, 2);
    assert.match(failed.errors, /cannot write \.\/docs\/receipt\.jws/);
  }));

Deno.test("executions receipt of an execution that nobody knows fails, and wrong use exits with 2", () =>
  withConnector(async ({ run }) => {
    const unknown = await run(["executions", "receipt", "wpx-0"]);
    assert.equal(unknown.exitCode, 1);
    assert.match(unknown.errors, /not_found: There is no receipt of wpx-0/);
    assert.equal((await runCli(["verify-receipt", "r.jws"])).exitCode, 2);
    assert.equal((await runCli(["verify-receipt", "r.jws", "--key", "k"])).exitCode, 2);
  }));
