/** Reads from the repository what its documents may name. */
import config from "../deno.json" with { type: "json" };
import { EXECUTION_STATES } from "../src/core/protocol.ts";
import { renderValues } from "./chart/values_doc.ts";
import { renderConfiguration } from "./configuration_doc.ts";
import { type Facts, headingsOf } from "./docs.ts";
import { listFiles, readTexts } from "./read_texts.ts";

/** Of a table's rows: the agent's keys, and the chart's values. */
const KEYS = /^\| `([\w.[\]]+)` \|/gm;
const METRIC_PREFIX = "neuralops_connector_";
const ROOTS = [
  "src",
  "tests",
  "scripts",
  "docs",
  "helm",
  ".ci",
  "main.ts",
  "Containerfile",
  "deno.json",
  "deno.lock",
  "README.md",
  ".gitignore",
];

/** @param docs texts by path */
export async function gatherFacts(docs: ReadonlyMap<string, string>): Promise<Facts> {
  const sources = [...(await readTexts(["src"], (path) => path.endsWith(".ts"))).values()].join(
    "\n",
  );
  const tests = await readTexts(["tests"], (path) => path.endsWith("_test.ts"));
  const metrics = find(sources, /\b(?:counter|gauge)\(\s*"([a-z_]+)"/g);
  return {
    paths: new Set(await listFiles(ROOTS)),
    tasks: new Set(Object.keys(config.tasks)),
    commands: new Set(find(sources, /(?:\.command|new Command)\(\s*"([a-z-]+)"/g)),
    words: new Set([
      ...find(sources, /\b([a-z]+(?:_[a-z0-9]+)+)\b/g),
      ...metrics.map((name) => METRIC_PREFIX + name),
    ]),
    auditTypes: new Set([
      ...find(sources, /"([a-z]+\.[a-z_]+)"/g),
      ...EXECUTION_STATES.map((state) => `execution.${state}`),
    ]),
    configKeys: new Set([
      ...find(renderConfiguration([]), KEYS),
      ...find(renderValues(await Deno.readTextFile("helm/connector/values.yaml")), KEYS),
    ]),
    headings: new Map([...docs].map(([path, text]) => [path, headingsOf(text)])),
    tests,
  };
}

function find(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}
