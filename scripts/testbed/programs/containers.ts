/** containerd, runc and the network plugins: Debian's, unpacked into the cache and run from there. */
import { isFile, run } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";
import { unpackDebian } from "./debian.ts";

const FOLDER = "debian-containers";
const PACKAGES = ["containerd", "runc", "containernetworking-plugins", "catatonit"];
const VERSION = /^containerd \S+ (\S+)/;

/** Absolute paths. */
export interface ContainerPrograms {
  readonly containerd: string;
  readonly ctr: string;
  /** Folder of the network plugins. */
  readonly plugins: string;
  /** Static, and all that a pod's pause container needs. */
  readonly pause: string;
  /** With runc and containerd's shim on it. */
  readonly path: string;
}

export function containerPrograms(): ContainerPrograms {
  const root = `${cacheFolder()}/${FOLDER}/usr`;
  return {
    containerd: `${root}/bin/containerd`,
    ctr: `${root}/bin/ctr`,
    plugins: `${root}/lib/cni`,
    pause: `${root}/bin/catatonit`,
    path: [`${root}/bin`, `${root}/sbin`, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":"),
  };
}

export async function findContainerd(): Promise<Search> {
  const { containerd } = containerPrograms();
  if (!await isFile(containerd)) {
    const problem = await unpackDebian(FOLDER, PACKAGES);
    if (problem) return { why: `Debian's containerd not to be had: ${problem}` };
  }
  const said = await run(containerd, ["--version"]);
  const version = VERSION.exec(said.out)?.[1];
  if (!said.ok || !version) return { why: `${containerd} does not run: ${said.problem}` };
  return { program: containerd, version, source: `Debian packages ${PACKAGES.join(", ")}` };
}
