/** What is shipped, in a root with nothing but the C library and CA certificates; all peers outside. */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import { STATE_FILE } from "../../scripts/testbed/testbed.ts";
import { CONFIG_FILE } from "../../scripts/testbed/user_files.ts";
import { testbed } from "./peers.ts";
import { RunningProgram, runToEnd } from "./process.ts";

const LIMIT_MS = 150_000;
const ALLOWED = ["write the state directory", "read its own environment variable"];
const REAL_PEERS = ["Kubernetes", "Vault (OpenBao)", "S3 (MinIO)", "prometheus"];
const isRoot = Deno.statSync(STATE_FILE).uid === 0;
if (!isRoot) print("ignored: the bare root: only root may change the root directory");

const isComplete = REAL_PEERS.every((name) =>
  testbed.peers.some((peer) => peer.name === name && peer.program !== null)
);

Deno.test({
  name: `the binary passes simulate from a bare root, with every peer ${
    isComplete ? "real" : "embedded"
  }`,
  ignore: !isRoot,
  fn: () => assertPasses(isComplete ? ["--config", CONFIG_FILE] : []),
});

Deno.test({
  name: "the bundle passes simulate from a bare root",
  ignore: !isRoot,
  fn: () => assertPasses(["--bundle"]),
});

const VARIANTS: Record<string, string[]> = { "the binary": [], "the bundle": ["--bundle"] };

for (const [variant, flags] of Object.entries(VARIANTS)) {
  Deno.test({
    name: `${variant} cannot do from a bare root what its permissions forbid`,
    ignore: !isRoot,
    async fn() {
      await haveRelease();
      const { code, stdout, stderr } = await runToEnd(Deno.execPath(), bareRoot("denied", flags));
      assert.equal(code, 0, stdout + stderr);
      const { probe, connector } = JSON.parse(stdout);
      for (const [attempt, outcome] of Object.entries(probe)) {
        assert.equal(outcome, ALLOWED.includes(attempt) ? "allowed" : "NotCapable", attempt);
      }
      assert.ok(Object.keys(probe).length > 10);
      assert.equal(connector.code, 1, connector.said);
      assert.match(connector.said, /^error: state_unwritable: Cannot write \/srv\/state/);
    },
  });
}

async function assertPasses(flags: readonly string[]): Promise<void> {
  await haveRelease();
  const { args } = bareRoot("story", flags);
  const program = new RunningProgram(Deno.execPath(), { args });
  try {
    assert.equal(await program.end(LIMIT_MS), 0, program.tail());
  } finally {
    await program.kill();
  }
  assert.ok(!program.lines.some((line) => line.includes("FAIL")));
}

function bareRoot(what: string, flags: readonly string[]) {
  const main = "scripts/bare_root/main.ts";
  return { args: ["run", "-P=bareRoot", "--no-prompt", "--quiet", main, what, ...flags] };
}

/** Made once; `deno task compile` before makes it anew. */
async function haveRelease(): Promise<void> {
  try {
    await Deno.stat("./reports/dist/SHA256SUMS");
  } catch {
    const target = ["--target", "x86_64-unknown-linux-gnu"];
    const args = ["run", "-P=release", "--no-prompt", "--quiet", "scripts/release/main.ts"];
    const made = await runToEnd(Deno.execPath(), { args: [...args, ...target] });
    assert.equal(made.code, 0, made.stdout + made.stderr);
  }
}
