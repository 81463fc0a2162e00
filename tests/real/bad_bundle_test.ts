/** `verify` on files that are no bundles. */
import assert from "node:assert/strict";
import { cli } from "./agent_process.ts";
import { withGround } from "./running_agent.ts";

const KEY = "tests/testdata/verification/cosign/p256.pub";

Deno.test("verify says what is wrong with a bundle that is none", () =>
  withGround(async (ground) => {
    const file = await ground.write("wpk.yaml", "x");
    const refuses = async (content: string, reason: string) => {
      const bundle = await ground.write("bundle.json", content);
      const { code, stderr } = await cli("verify", file, "--bundle", bundle, "--key", KEY);
      assert.equal(code, 1, content);
      assert.match(stderr, new RegExp(`^REFUSED ${reason}`, "m"), content);
    };
    for (const content of ["", "[]", "{}"]) await refuses(content, "missing_signature");
    for (const content of ["{", "\u0000", `{"mediaType":"x"}`]) {
      await refuses(content, "malformed_bundle");
    }
    const absent = await cli("verify", file, "--bundle", `${file}.nowhere`, "--key", KEY);
    assert.equal(absent.code, 2);
    assert.match(absent.stderr, /there is no file/);
  }));
