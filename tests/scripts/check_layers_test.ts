import assert from "node:assert/strict";
import { checkLayers, layerOf, LAYERS } from "../../scripts/layers.ts";
import { findImports } from "../../scripts/source_text.ts";

/** `line: message` of each violation in one file. */
function violationsOf(path: string, source: string): string[] {
  return checkLayers(new Map([[path, source]])).map(({ line, message }) => `${line}: ${message}`);
}

const ALLOWED: [path: string, source: string][] = [
  ["src/core/plan.ts", `import { x } from "./diff.ts";\nimport { z } from "zod";`],
  ["src/core/audit/merkle.ts", `import { RefusedError } from "../../errors.ts";`],
  ["src/adapters/vault.ts", `import type { Runtime } from "../runtime.ts";`],
  ["src/adapters/lease.ts", `import type { LeaseStore } from "../loops/leadership.ts";`],
  [
    "src/adapters/journal.ts",
    `import { type Journal, type Other } from "../execution/journal.ts";`,
  ],
  ["src/loops/heartbeat.ts", `import type { Metrics } from "../metrics.ts";`],
  ["src/http/problem.ts", `import { ReplayedError } from "../execution/intake.ts";`],
  ["src/agent/agent.ts", `import { ControlPlane } from "../adapters/control_plane.ts";`],
  ["src/cli/simulate/simulate.ts", `import { serveTls } from "../../embedded/serve.ts";`],
  ["main.ts", `const { run } = await import("./src/cli/simulate/simulate.ts");\nDeno.exit();`],
  ["src/runtime_deno.ts", `const now = () => Date.now();\nsetTimeout(() => {}, 1);`],
  [
    "src/core/a.ts",
    `// Date.now() is not for us\nconst text = "fetch(url)";\nconst year = new Date(0);`,
  ],
  [
    "src/adapters/peer.ts",
    `await client.fetch(url);\nclass A { #fetch() {} }\nglobal.setTimeout(x);`,
  ],
];
for (const [path, source] of ALLOWED) {
  Deno.test(`checkLayers allows ${JSON.stringify(source)} in ${path}`, () => {
    assert.deepEqual(violationsOf(path, source), []);
  });
}

const REFUSED: [path: string, source: string, violation: RegExp][] = [
  [
    "src/core/plan.ts",
    `\nimport type { Logger } from "../log.ts";`,
    /^2: imports src\/log.ts: core may import core, errors$/,
  ],
  [
    "src/core/plan.ts",
    `import { z } from "zod";\nimport {\n  a,\n  b,\n} from "../http/admin.ts";`,
    /^2: imports src\/http\/admin.ts: core/,
  ],
  [
    "src/loops/receipts.ts",
    `import type { ReceiptFolder } from "../adapters/receipt_folder.ts";`,
    /^1: imports src\/adapters\/receipt_folder.ts: loops may import/,
  ],
  [
    "src/adapters/vault.ts",
    `import { createMetrics } from "../metrics.ts";`,
    /^1: imports src\/metrics.ts as a value: adapters may only `import type` of it$/,
  ],
  [
    "src/adapters/vault.ts",
    `import { type Metrics, createMetrics } from "../metrics.ts";`,
    /as a value/,
  ],
  ["src/adapters/vault.ts", `export { a } from "../agent/agent.ts";`, /imports src\/agent/],
  ["src/execution/engine.ts", `import "../adapters/vault.ts";`, /imports src\/adapters/],
  ["src/agent/agent.ts", `const a = await import("../cli/run.ts");`, /imports src\/cli\/run.ts/],
  ["src/agent/agent.ts", `import { s } from "../embedded/serve.ts";`, /imports src\/embedded/],
  ["src/cli/run.ts", `import { s } from "../embedded/serve.ts";`, /imports src\/embedded/],
  ["src/embedded/s3.ts", `import { S3Archive } from "../adapters/s3.ts";`, /imports src\/adapters/],
  ["main.ts", `import { startAgent } from "./src/agent/agent.ts";`, /imports src\/agent/],
  ["src/http/a.ts", `import { fake } from "../../tests/fakes/a.ts";`, /imports tests\/fakes/],
  ["src/surprise.ts", ``, /^1: belongs to no layer/],
  [
    "src/core/a.ts",
    `\n\nconst now = Date.now();`,
    /^3: touches the world with Date.now: use Clock/,
  ],
  ["src/core/a.ts", "const text = `at ${Date.now()}`;", /touches the world with Date.now/],
  ["src/loops/a.ts", `await new Promise((done) => setTimeout(done, 5));`, /with setTimeout/],
  ["src/adapters/a.ts", `return await fetch(url);`, /with fetch: use HttpClient/],
  ["src/http/a.ts", `Deno.readFile(path);`, /with Deno: use a port/],
  ["src/agent/a.ts", `console.log(1);`, /with console: use Logger/],
  ["src/execution/a.ts", `const id = crypto.randomUUID();`, /with crypto.randomUUID: use Random/],
  ["src/core/long.ts", "export {};\n".repeat(301), /^300: has 301 lines, at most 300/],
];
for (const [path, source, violation] of REFUSED) {
  Deno.test(`checkLayers refuses ${JSON.stringify(source.slice(0, 60))} in ${path}`, () => {
    const found = violationsOf(path, source);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, violation);
  });
}

Deno.test("checkLayers finds a cycle once, and lets types point back", () => {
  const cycle = checkLayers(
    new Map([
      ["src/core/a.ts", `import { b } from "./b.ts";`],
      ["src/core/b.ts", `import { c } from "./c.ts";`],
      ["src/core/c.ts", `\nimport { a } from "./a.ts";`],
      ["src/core/d.ts", `import { a } from "./a.ts";`],
      ["src/core/e.ts", `import type { F } from "./f.ts";`],
      ["src/core/f.ts", `import { e } from "./e.ts";`],
    ]),
  );
  assert.deepEqual(cycle, [{
    path: "src/core/c.ts",
    line: 2,
    message: "closes a cycle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts",
  }]);
});

Deno.test("findImports reads every form of import, and none in comments and strings", () => {
  const source = [
    `import a, { b } from "./static.ts";`,
    `import type { C } from "./type.ts";`,
    `import * as d from "./star.ts";`,
    `export * from "./reexport.ts";`,
    `// import { e } from "./comment.ts";`,
    `/* import { f } from "./block.ts"; */`,
    `const text = 'import { g } from "./text.ts"';`,
    `type H = typeof import("./typeof.ts");`,
    `const i = await import("./dynamic.ts");`,
  ].join("\n");
  assert.deepEqual(findImports(source), [
    { specifier: "./static.ts", typeOnly: false, isDynamic: false, line: 1 },
    { specifier: "./type.ts", typeOnly: true, isDynamic: false, line: 2 },
    { specifier: "./star.ts", typeOnly: false, isDynamic: false, line: 3 },
    { specifier: "./reexport.ts", typeOnly: false, isDynamic: false, line: 4 },
    { specifier: "./typeof.ts", typeOnly: true, isDynamic: true, line: 8 },
    { specifier: "./dynamic.ts", typeOnly: false, isDynamic: true, line: 9 },
  ]);
});

Deno.test("LAYERS names only layers that exist, and the longest path owns a file", () => {
  const names = LAYERS.map((layer) => layer.name);
  assert.equal(new Set(names).size, names.length);
  const mentioned = LAYERS.flatMap((layer) => [...layer.uses, ...layer.names]);
  assert.deepEqual(mentioned.filter((name) => !names.includes(name)), []);
  assert.equal(layerOf("src/cli/simulate/live.ts")?.name, "simulate");
  assert.equal(layerOf("src/cli/audit.ts")?.name, "audit commands");
  assert.equal(layerOf("src/cli/run.ts")?.name, "cli");
});
