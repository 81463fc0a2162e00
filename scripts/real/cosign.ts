/** cosign: from PATH, from the cache, or built from its pinned source with Go. */
import { isFile, run, which } from "./command.ts";
import { cacheFolder, type Search } from "./peer.ts";
import { print } from "./print.ts";

const MODULE = "github.com/sigstore/cosign/v3/cmd/cosign";
const VERSION = "v3.1.3";

export async function findCosign(): Promise<Search> {
  const installed = await which("cosign");
  if (installed) {
    const found = await describe(installed, "installed");
    // Other major versions have other flags.
    if ("version" in found && found.version.startsWith("v3.")) return found;
  }
  const folder = `${cacheFolder()}/cosign-${VERSION}`;
  const source = `go install ${MODULE}@${VERSION}`;
  if (!await isFile(`${folder}/cosign`)) {
    print(`building cosign ${VERSION}; the first time this takes minutes`);
    const problem = await goInstall(`${MODULE}@${VERSION}`, folder);
    if (problem) return { why: `no v3 on PATH, and ${source}: ${problem}` };
  }
  return await describe(`${folder}/cosign`, source);
}

/** Builds a Go program into a folder; null when it went well. */
export async function goInstall(moduleAtVersion: string, folder: string): Promise<string | null> {
  if (!await which("go")) return "there is no Go here";
  await Deno.mkdir(folder, { recursive: true });
  const built = await run("go", ["install", "-trimpath", moduleAtVersion], {
    env: { GOBIN: folder, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
  });
  return built.ok ? null : built.problem;
}

async function describe(program: string, source: string): Promise<Search> {
  const said = await run(program, ["version", "--json"]);
  if (!said.ok) return { why: `${program} does not run: ${said.problem}` };
  const { gitVersion } = JSON.parse(said.out) as { gitVersion: string };
  return { program, version: gitVersion, source };
}
