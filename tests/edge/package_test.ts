/** The unit, the scripts, and that a package is the same each time: what needs no compiled binary. */
import assert from "node:assert/strict";
import { buildPackage } from "../../scripts/edge/package.ts";
import { sha256 } from "../../scripts/release/checksums.ts";
import { findDebianProgram } from "../../scripts/testbed/programs/debian.ts";
import { print } from "../../scripts/testbed/print.ts";
import { runToEnd } from "../real/process.ts";
import { standIn, WORK } from "./release.ts";

const UNIT = "scripts/edge/neuralops-connector.service";
/** Of 10, where 0 is nothing to do harm with. docs/edge.md says what makes it up. */
const MAX_EXPOSURE = 1.5;

Deno.test("two builds of the package are the same bytes", async () => {
  await Deno.mkdir(WORK, { recursive: true });
  const digests: string[] = [];
  for (const round of [1, 2]) {
    const output = await Deno.makeTempDir({ dir: WORK });
    const binary = `${output}/binary`;
    // Made at another time each round, as on another day.
    await Deno.writeTextFile(binary, standIn("0.1.0"));
    await Deno.utime(binary, round, round);
    const parts = { version: "0.1.0", architecture: "amd64", copyright: "c", epoch: 1_700_000_000 };
    digests.push(sha256(await Deno.readFile(await buildPackage({ ...parts, binary, output }))));
    await Deno.remove(output, { recursive: true });
  }
  assert.equal(digests[0], digests[1]);
});

Deno.test("scripts that root runs are clean to shellcheck", async () => {
  const found = await findDebianProgram("shellcheck", "shellcheck", /version: (\S+)/);
  if ("why" in found) return void print(`no shellcheck: ${found.why}`);
  const scripts = ["postinst", "prerm", "postrm"].map((name) => `scripts/edge/debian/${name}`);
  const { code, stdout } = await runToEnd(found.program, {
    args: ["scripts/install.sh", "tests/edge/boot.sh", ...scripts],
  });
  assert.deepEqual([code, stdout], [0, ""]);
});

Deno.test("the unit is valid, and exposes little", async () => {
  // Its program is not on this host: a copy names one that is.
  const folder = await Deno.makeTempDir();
  try {
    const text = await Deno.readTextFile(UNIT);
    const copy = `${folder}/neuralops-connector.service`;
    await Deno.writeTextFile(copy, text.replaceAll("/usr/bin/neuralops-connector", "/bin/true"));
    const verified = await runToEnd("systemd-analyze", { args: ["verify", copy] });
    assert.deepEqual([verified.code, verified.stderr], [0, ""]);
    const judged = await runToEnd("systemd-analyze", {
      args: ["security", "--offline=yes", "--no-pager", `--threshold=${MAX_EXPOSURE * 10}`, copy],
    });
    const said = judged.stdout.trim().split("\n").at(-1)!;
    print(said);
    assert.equal(judged.code, 0, said);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
