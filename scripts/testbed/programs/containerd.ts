/**
 * What a node runs beside its kubelet. Debian's containerd serves the oldest kubelet; the current one wants
 * containerd 2, which is built. runc, the network plugins and the pause program are Debian's for both,
 * unpacked into the cache and run from there.
 */
import { isFile, run } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";
import { print } from "../print.ts";
import { unpackDebian } from "./debian.ts";
import { installGo } from "./go_tools.ts";

const DEBIAN = "debian-containers";
const PACKAGES = ["containerd", "runc", "containernetworking-plugins", "catatonit"];
const MODULE = "github.com/containerd/containerd/v2";
const VERSION = "v2.2.9";
const COMMANDS = ["containerd", "containerd-shim-runc-v2", "ctr"];

/** Absolute paths. */
export interface NodePrograms {
  readonly containerd: string;
  readonly ctr: string;
  /** With containerd's shim, and runc, on it. */
  readonly path: string;
  /** Folder of the network plugins. */
  readonly plugins: string;
  /** Static, and all that a pod's first container needs. */
  readonly pause: string;
}

/** @param containerd as one of the searches found it */
export function programsWith(containerd: string): NodePrograms {
  const folder = containerd.slice(0, containerd.lastIndexOf("/"));
  const debian = `${cacheFolder()}/${DEBIAN}/usr`;
  return {
    containerd,
    ctr: `${folder}/ctr`,
    path: [folder, `${debian}/sbin`, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":"),
    plugins: `${debian}/lib/cni`,
    pause: `${debian}/bin/catatonit`,
  };
}

export async function findDebianContainerd(): Promise<Search> {
  const program = `${cacheFolder()}/${DEBIAN}/usr/bin/containerd`;
  if (!await isFile(program)) {
    const problem = await unpackDebian(DEBIAN, PACKAGES);
    if (problem) return { why: `Debian's ${PACKAGES.join(", ")} not to be had: ${problem}` };
  }
  const said = await run(program, ["--version"]);
  const version = /^containerd \S+ (\S+)/.exec(said.out)?.[1];
  if (!version) return { why: `${program} does not run: ${said.problem}` };
  return { program, version, source: `Debian packages ${PACKAGES.join(", ")}` };
}

/** @param signal ends a build that takes too long */
export async function findContainerd(signal: AbortSignal): Promise<Search> {
  const debian = await findDebianContainerd();
  if ("why" in debian) return debian;
  const folder = `${cacheFolder()}/containerd-${VERSION}`;
  const source = `go install ${MODULE}/cmd/…@${VERSION}, and Debian's runc`;
  const programs = COMMANDS.map((name) => `${folder}/${name}`);
  if (!(await Promise.all(programs.map(isFile))).every(Boolean)) {
    print(`building containerd ${VERSION}; the first time this takes minutes`);
    const modules = COMMANDS.map((name) => `${MODULE}/cmd/${name}@${VERSION}`);
    const problem = await installGo(modules, folder, signal);
    if (problem) return { why: `${source}: ${problem}` };
  }
  return { program: programs[0]!, version: VERSION, source };
}
