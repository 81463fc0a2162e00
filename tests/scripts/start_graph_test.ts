import assert from "node:assert/strict";
import { readTexts } from "../../scripts/read_texts.ts";
import { startGraph } from "../../scripts/start_graph.ts";

/**
 * What an idle agent holds. Each one more costs every agent memory and time at its start:
 * `deno task bench:footprint` says how much. See docs/footprint.md before adding to it.
 */
const LOADED_AT_START = [
  "@noble/hashes/sha2.js",
  "canonicalize",
  "diff",
  "eventsource-parser",
  "hono",
  "jose",
  "node:os",
  "node:path",
  "node:process",
  "node:util",
  "prom-client/lib/counter.js",
  "prom-client/lib/gauge.js",
  "prom-client/lib/histogram.js",
  "prom-client/lib/registry.js",
  "yaml",
  "zod",
];

const sources = await readTexts(["main.ts", "src"], (path) => path.endsWith(".ts"));

Deno.test("main.ts loads no package at its start that is not known to be needed there", () => {
  assert.deepEqual([...startGraph(sources).packages].sort(), LOADED_AT_START);
});

Deno.test("main.ts loads neither an embedded peer nor the simulation at its start", () => {
  const { files } = startGraph(sources);
  const notNeeded = [...files].filter((path) => /^src\/(embedded|cli\/simulate)\//.test(path));
  assert.deepEqual(notNeeded, []);
});

Deno.test("every file imports zod as a namespace, of which the bundler keeps what is used", () => {
  const named = [...sources].filter(([, text]) =>
    /^import \{[^}]*\bz\b[^}]*\} from "zod"/m.test(text)
  );
  assert.deepEqual(named.map(([path]) => path), []);
});

Deno.test("startGraph follows static imports, and neither types nor what is imported later", () => {
  const small = new Map([
    ["main.ts", `import { a } from "./src/a.ts";\nimport type { T } from "types";`],
    ["src/a.ts", `export * from "./b.ts";\nimport { z } from "zod";\nawait import("later");`],
    ["src/b.ts", `import { a } from "./a.ts";\nawait import("./c.ts");`],
    ["src/c.ts", `import "heavy";`],
  ]);
  const { files, packages } = startGraph(small);
  assert.deepEqual([...files], ["main.ts", "src/a.ts", "src/b.ts"]);
  assert.deepEqual([...packages], ["zod"]);
});
