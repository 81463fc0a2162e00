import assert from "node:assert/strict";
import { parse } from "yaml";
import { Signals } from "../../src/config/signals.ts";
import { runCli } from "../fakes/cli_io.ts";

Deno.test("metrics presets lists what there is", async () => {
  const { exitCode, out } = await runCli(["metrics", "presets"]);
  assert.equal(exitCode, 0);
  const [heading, ...rows] = out.split("\n");
  assert.match(heading!, /^NAME +QUERIES +STEP +ABOUT$/);
  assert.deepEqual(rows.map((row) => row.split(" ")[0]), [
    "kubernetes-golden-signals",
    "node",
    "gpu",
  ]);
});

Deno.test("metrics presets prints queries that a configuration takes as they are", async () => {
  const { exitCode, out } = await runCli(["metrics", "presets", "node"]);
  assert.equal(exitCode, 0);
  const queries = parse(out);
  const written = Signals.parse({ queries }).queries.map(({ name, expr, step }) =>
    JSON.stringify([name, expr, step])
  );
  const built = Signals.parse({ presets: ["node"] }).queries.map(({ name, expr, step }) =>
    JSON.stringify([name, expr, step])
  );
  assert.deepEqual(written, built);
  const json = await runCli(["metrics", "presets", "node", "-o", "json"]);
  assert.deepEqual(JSON.parse(json.out), queries);
});

Deno.test("metrics presets says which ones there are when asked for another", async () => {
  const { exitCode, errors } = await runCli(["metrics", "presets", "nodes"]);
  assert.equal(exitCode, 2);
  assert.match(errors, /no preset nodes, but kubernetes-golden-signals, node, gpu/);
});
