/** Command-line tools of Go: from PATH, from the cache, or installed at a pinned version. */
import { isFile, run, which } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";
import { print } from "../print.ts";

interface GoTool {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Prints its version; what `versionOf` reads. */
  readonly ask: readonly string[];
  versionOf(out: string): string;
  /** Whether one on PATH will do: another major version has other flags. */
  serves(version: string): boolean;
}

const COSIGN: GoTool = {
  name: "cosign",
  module: "github.com/sigstore/cosign/v3/cmd/cosign",
  version: "v3.1.3",
  ask: ["version", "--json"],
  versionOf: (out) => (JSON.parse(out) as { gitVersion: string }).gitVersion,
  serves: (version) => version.startsWith("v3."),
};

export const findCosign = (signal: AbortSignal) => find(COSIGN, signal);

async function find(tool: GoTool, signal: AbortSignal): Promise<Search> {
  const { name, module, version } = tool;
  const installed = await which(name);
  if (installed) {
    const found = await describe(tool, installed, "installed");
    if ("version" in found && tool.serves(found.version)) return found;
  }
  const folder = `${cacheFolder()}/${name}-${version}`;
  const source = `go install ${module}@${version}`;
  if (!await isFile(`${folder}/${name}`)) {
    print(`building ${name} ${version}; the first time this takes minutes`);
    const problem = await installGo([`${module}@${version}`], folder, signal);
    if (problem) return { why: `none on PATH that will do, and ${source}: ${problem}` };
  }
  return await describe(tool, `${folder}/${name}`, source);
}

/**
 * `go install`; null when it went well.
 * @param modulesAtVersion of one module all of them
 */
export async function installGo(
  modulesAtVersion: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (!await which("go")) return "there is no Go here";
  await Deno.mkdir(folder, { recursive: true });
  const built = await run("go", ["install", "-trimpath", ...modulesAtVersion], {
    env: { GOBIN: folder, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    signal,
  });
  return built.ok ? null : built.problem;
}

async function describe(tool: GoTool, program: string, source: string): Promise<Search> {
  const said = await run(program, tool.ask);
  if (!said.ok) return { why: `${program} does not run: ${said.problem}` };
  return { program, version: tool.versionOf(said.out), source };
}
