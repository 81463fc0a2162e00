/**
 * Programs from Debian packages. A missing one is downloaded with apt-get and unpacked into the cache,
 * not installed: nothing of the system changes and no service is ever started.
 */
import { isFile, run, which } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";

/** @param versionOf picks the version out of what `--version` prints */
export async function findDebianProgram(
  name: string,
  packageName: string,
  versionOf = /version (\S+)/,
): Promise<Search> {
  const installed = await which(name);
  const unpacked = `${cacheFolder()}/debian-${packageName}/usr/bin/${name}`;
  let program = installed ?? unpacked;
  let source = installed ? "installed" : `Debian package ${packageName}`;
  if (!await isFile(program)) {
    const problem = await unpackDebian(`debian-${packageName}`, [packageName]);
    if (problem) {
      return { why: `not on PATH, and Debian's ${packageName} not to be had: ${problem}` };
    }
    program = unpacked;
    source = `Debian package ${packageName}`;
  }
  const said = await run(program, ["--version"]);
  if (!said.ok) return { why: `${program} does not run: ${said.problem}` };
  const version = versionOf.exec(`${said.out}\n${said.problem}`)?.[1] ??
    await packageVersion(packageName);
  return { program, version, source };
}

/** For programs that Debian has built without saying their version. */
async function packageVersion(packageName: string): Promise<string> {
  const unpacked = Deno.readDir(`${cacheFolder()}/debian-${packageName}`);
  for (const { name } of await Array.fromAsync(unpacked).catch(() => [])) {
    const [, version] = name.match(/_([^_]+)_[^_]+\.deb$/) ?? [];
    if (version) return version;
  }
  return "unknown";
}

/**
 * Fetches packages and unpacks them over each other; null when it went well.
 * @param folder name of a folder of the cache
 */
export async function unpackDebian(
  folder: string,
  packages: readonly string[],
): Promise<string | null> {
  if (!await which("apt-get")) return "there is no apt-get here";
  const target = `${cacheFolder()}/${folder}`;
  await Deno.mkdir(target, { recursive: true });
  const download = () => run("apt-get", ["download", ...packages], { cwd: target });
  let fetched = await download();
  if (!fetched.ok) {
    // The lists of packages may be missing or old; only root may bring them up to date.
    const update = await run("apt-get", ["update", "-q"], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
    });
    if (!update.ok) {
      return `apt-get download: ${fetched.problem}; apt-get update: ${update.problem}`;
    }
    fetched = await download();
    if (!fetched.ok) return `apt-get download: ${fetched.problem}`;
  }
  for await (const { name } of Deno.readDir(target)) {
    if (!name.endsWith(".deb")) continue;
    const extracted = await run("dpkg", ["-x", `${target}/${name}`, target]);
    if (!extracted.ok) return `dpkg -x: ${extracted.problem}`;
  }
  return null;
}
