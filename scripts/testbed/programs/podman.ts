/**
 * buildah and podman with runc: Debian's, unpacked into the cache and run from there by a script of their
 * name, which tells them where the rest of them is.
 */
import { isFile, run } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";
import { unpackDebian } from "./debian.ts";

const FOLDER = "debian-podman";
const PACKAGES = [
  ...["podman", "buildah", "conmon", "runc", "golang-github-containers-common"],
  // Libraries that a machine without these programs lacks.
  ...["libgpgme11", "libassuan0", "libgpg-error0", "libsubid4"],
];
const POLICY = { default: [{ type: "insecureAcceptAnything" }] };

export async function findPodman(): Promise<Search> {
  return await find("podman");
}

export async function findBuildah(): Promise<Search> {
  return await find("buildah");
}

async function find(name: "podman" | "buildah"): Promise<Search> {
  const root = `${cacheFolder()}/${FOLDER}`;
  const program = `${root}/${name}`;
  if (!await isFile(`${root}/usr/bin/${name}`)) {
    const problem = await unpackDebian(FOLDER, PACKAGES);
    if (problem) return { why: `Debian's ${name} not to be had: ${problem}` };
  }
  await writeSettings(root);
  await replace(program, script(root, name), 0o755);
  const said = await run(program, ["--version"]);
  if (!said.ok) return { why: `${program} does not run: ${said.problem}` };
  const version = /version (\S+)/.exec(said.out)?.[1] ?? "unknown";
  return { program, version, source: `Debian packages ${PACKAGES.slice(0, 5).join(", ")}` };
}

async function writeSettings(root: string): Promise<void> {
  // In the home folder: it is read before the one in /etc.
  const policy = `${root}/home/.config/containers`;
  await Deno.mkdir(policy, { recursive: true });
  await replace(`${policy}/policy.json`, JSON.stringify(POLICY));
  await replace(`${root}/registries.conf`, "unqualified-search-registries = []\n");
  await replace(`${root}/containers.conf`, settings(root));
}

/** At once, as a program of another run may be reading it. */
async function replace(path: string, text: string, mode = 0o644): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(partial, text, { mode });
  await Deno.rename(partial, path);
}

/** runc, as crun refuses a machine that has cgroups of both versions. */
function settings(root: string): string {
  return `[containers]
# Above a hard limit that is lower, Debian's default cannot be set.
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
seccomp_profile = "${root}/usr/share/containers/seccomp.json"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
conmon_path = ["${root}/usr/bin/conmon"]
# It runs podman once more when a container has ended.
conmon_env_vars = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH=${libraries(root)}"]
[engine.runtimes]
runc = ["${root}/usr/sbin/runc"]
`;
}

function script(root: string, name: string): string {
  return `#!/bin/sh
export LD_LIBRARY_PATH=${libraries(root)}
export HOME=${root}/home CONTAINERS_CONF=${root}/containers.conf
export CONTAINERS_REGISTRIES_CONF=${root}/registries.conf
exec ${root}/usr/bin/${name} "$@"
`;
}

function libraries(root: string): string {
  const folder = `${Deno.build.arch}-linux-gnu`;
  return `${root}/usr/lib/${folder}:${root}/lib/${folder}`;
}
