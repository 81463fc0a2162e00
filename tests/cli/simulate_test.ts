import assert from "node:assert/strict";
import { simulate } from "../../src/cli/simulate/simulate.ts";
import { runCli } from "../fakes/cli_io.ts";

const io = {
  print: () => {},
  printError: () => {},
  readFile: () => Promise.resolve(null),
  env: () => undefined,
  isInteractive: false,
  hasColours: false,
  ask: () => null,
};

Deno.test("simulate says which option it takes when it may not write there", async () => {
  // These tests may write under reports alone.
  await assert.rejects(simulate(io, new Promise(() => {}), { output: "/srv/simulated" }), {
    code: "state_unwritable",
    message: /^Cannot make the folder \/srv\/simulated\/simulate-/,
    hint: /--output/,
  });
});

Deno.test("simulate writes to reports unless it is told otherwise", async () => {
  const { out } = await runCli(["simulate", "--help"]);
  assert.match(out, /--output <dir> .*\(default: "reports"\)/s);
});
