/** What each part of the program may import, and the checks that hold it to that. Pure: files in, violations out. */
import { posix } from "node:path";
import { codeOf, findImports, type Import, lineOf } from "./source_text.ts";

export interface Layer {
  readonly name: string;
  /** The layer owns every path that begins so; of several that match, the longest. */
  readonly path: string;
  /** Layers whose code it may use. Its own is always among them. */
  readonly uses: readonly string[];
  /** Layers of which it may name types only: ports that others implement. */
  readonly names: readonly string[];
}

const PORTS = ["runtime", "log", "metrics", "config"];

/** From the inside out. A layer that is not listed here may be imported by nobody. */
export const LAYERS: readonly Layer[] = [
  { name: "errors", path: "src/errors.ts", uses: [], names: [] },
  { name: "runtime", path: "src/runtime.ts", uses: [], names: [] },
  { name: "log", path: "src/log.ts", uses: ["errors"], names: ["runtime"] },
  { name: "schema library", path: "src/zod.ts", uses: [], names: [] },
  { name: "metrics", path: "src/metrics.ts", uses: [], names: [] },
  { name: "manifest", path: "deno.json", uses: [], names: [] },
  { name: "build facts", path: "src/build.json", uses: [], names: [] },
  { name: "core", path: "src/core/", uses: ["errors"], names: [] },
  { name: "config", path: "src/config/", uses: ["core", "errors"], names: [] },
  {
    name: "execution",
    path: "src/execution/",
    uses: ["core", "errors"],
    names: ["runtime", "log", "metrics"],
  },
  { name: "loops", path: "src/loops/", uses: ["core", "errors"], names: [...PORTS, "execution"] },
  {
    name: "adapters",
    path: "src/adapters/",
    uses: ["core", "errors"],
    names: [...PORTS, "execution", "loops"],
  },
  {
    name: "http",
    path: "src/http/",
    uses: ["core", "errors", "execution"],
    names: ["runtime", "log", "metrics"],
  },
  {
    name: "agent",
    path: "src/agent/",
    uses: [
      "core",
      "errors",
      "execution",
      "loops",
      "adapters",
      "http",
      ...PORTS,
      "manifest",
      "build facts",
    ],
    names: [],
  },
  {
    name: "cli",
    path: "src/cli/",
    uses: ["agent", "core", "errors", "http", "config", "audit commands"],
    names: ["runtime"],
  },
  // These read a log's files and its archive themselves, so that they need no running agent.
  {
    name: "audit commands",
    path: "src/cli/audit",
    uses: ["cli", "agent", "adapters", "core", "errors", "config"],
    names: ["runtime"],
  },
  {
    name: "simulate",
    path: "src/cli/simulate/",
    uses: [
      "cli",
      "audit commands",
      "agent",
      "adapters",
      "embedded",
      "runtime_deno",
      "log",
      "metrics",
      "core",
      "errors",
      "config",
    ],
    names: ["runtime", "http"],
  },
  { name: "embedded", path: "src/embedded/", uses: ["core", "errors"], names: ["runtime"] },
  { name: "runtime_deno", path: "src/runtime_deno", uses: ["errors"], names: ["runtime"] },
  { name: "main", path: "main.ts", uses: ["cli", "simulate", "runtime_deno"], names: [] },
];

/** Where the world itself may be touched; everything else is handed a clock, a disk and a network. */
const MAY_TOUCH_THE_WORLD = [
  "runtime_deno",
  "embedded",
  "cli",
  "audit commands",
  "simulate",
  "main",
];
const WORLD: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w$.#])Deno\./g, "use a port of src/runtime.ts"],
  [/(?<![\w$.#])(?:Date\.now\(|new Date\(\)|performance\.now\()/g, "use Clock"],
  [/(?<![\w$.#])(?:setTimeout|setInterval)\(/g, "use Clock.sleep"],
  [/(?<![\w$.#])(?:Math\.random\(|crypto\.(?:randomUUID|getRandomValues)\()/g, "use Random"],
  [/(?<![\w$.#])fetch\(/g, "use HttpClient, through adapters/peer.ts"],
  [/(?<![\w$.#])console\./g, "use Logger"],
];
export const MAX_LINES = 300;

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Sources by path, relative to the repository. */
export type Sources = ReadonlyMap<string, string>;

export function layerOf(path: string): Layer | undefined {
  return LAYERS.filter((layer) => path.startsWith(layer.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** Sorted by path and line. */
export function checkLayers(sources: Sources): Violation[] {
  const violations = [...sources].flatMap(([path, source]) => [
    ...checkImports(path, source),
    ...checkWorld(path, source),
    ...checkLength(path, source),
  ]);
  return [...violations, ...findCycles(sources)]
    .sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}

function checkImports(path: string, source: string): Violation[] {
  const layer = layerOf(path);
  if (!layer) {
    return [{ path, line: 1, message: "belongs to no layer: add one to scripts/layers.ts" }];
  }
  return findImports(source).flatMap((found) => {
    const target = resolve(path, found);
    const message = target && faultOf(layer, target, found.typeOnly);
    return message ? [{ path, line: found.line, message }] : [];
  });
}

function faultOf(layer: Layer, target: string, typeOnly: boolean): string | null {
  const other = layerOf(target);
  if (other && (other === layer || layer.uses.includes(other.name))) return null;
  const isNamed = other !== undefined && layer.names.includes(other.name);
  if (isNamed && typeOnly) return null;
  if (isNamed) return `imports ${target} as a value: ${layer.name} may only \`import type\` of it`;
  const types = layer.names.length > 0 ? `; types of ${layer.names.join(", ")}` : "";
  const uses = [layer.name, ...layer.uses].join(", ");
  return `imports ${target}: ${layer.name} may import ${uses}${types}`;
}

/** null for packages. */
function resolve(from: string, { specifier }: Import): string | null {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : null;
}

function checkWorld(path: string, source: string): Violation[] {
  // The ports have methods of these names.
  if (path === "src/runtime.ts" || MAY_TOUCH_THE_WORLD.includes(layerOf(path)?.name ?? "")) {
    return [];
  }
  const code = codeOf(source);
  return WORLD.flatMap(([pattern, instead]) =>
    [...code.matchAll(pattern)].map((match) => ({
      path,
      line: lineOf(code, match.index),
      message: `touches the world with ${match[0].replace(/[.(]+$/, "")}: ${instead}`,
    }))
  );
}

function checkLength(path: string, source: string): Violation[] {
  const lines = source.trimEnd().split("\n").length;
  if (lines <= MAX_LINES) return [];
  return [{ path, line: MAX_LINES, message: `has ${lines} lines, at most ${MAX_LINES}: split it` }];
}

/** Cycles of code; two files may name each other's types. One violation for each cycle. */
function findCycles(sources: Sources): Violation[] {
  const edges = new Map([...sources].map(([path, source]) => [
    path,
    findImports(source).filter((found) => !found.typeOnly)
      .map((found) => ({ target: resolve(path, found), line: found.line })),
  ]));
  const done = new Set<string>();
  const violations: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    for (const { target, line } of edges.get(path) ?? []) {
      if (target === null || done.has(target)) continue;
      const start = trail.indexOf(target);
      if (start < 0) {
        visit(target, [...trail, target]);
        continue;
      }
      const cycle = [...trail.slice(start), target].join(" → ");
      violations.push({ path, line, message: `closes a cycle: ${cycle}` });
    }
    done.add(path);
  };
  for (const path of edges.keys()) if (!done.has(path)) visit(path, [path]);
  return violations;
}
