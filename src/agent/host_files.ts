/** Opens the roots in which packages may place files, and refuses those that could do harm. */
import { resolve } from "node:path";
import { describeError, StalledError } from "../errors.ts";
import { type FileRoot, RootedFiles } from "../adapters/host_files.ts";
import type { FileRootConfig } from "../config/file_roots.ts";
import type { Config } from "../config/schema.ts";
import { OWN_PREFIX } from "../core/host_file.ts";
import type { HostFiles } from "../execution/host_files.ts";
import type { Runtime } from "../runtime.ts";
import type { Foundation } from "./foundation.ts";

const PROBE_MODE = 0o600;

type Needs = Pick<Foundation, "config"> & { readonly runtime: Pick<Runtime, "files" | "tree"> };

/** Throws StalledError `config_invalid`: the root, what is wrong with it, and what to do. */
export async function openHostFiles({ config, runtime }: Needs): Promise<HostFiles> {
  const roots: FileRoot[] = [];
  // Without a root there is no file whose owner could matter.
  let ownUid = -1;
  for (const root of config.execution.files.roots) {
    try {
      const path = await findRoot(root, config, runtime);
      await assertHarmless(path, config, runtime, roots);
      ownUid = await probe(path, runtime);
      roots.push({ ...root, path, owner: root.owner });
    } catch (error) {
      const reason = error instanceof Error ? error.message : describeError(error);
      throw new StalledError("config_invalid", `execution.files.roots[${root.name}]: ${reason}`, {
        cause: error,
        hint: "make it a directory that the connector's user may read and write, under " +
          "/var/lib/neuralops-connector: the permission set in deno.json allows no other place. " +
          `The default is files/${root.name} in stateDir`,
      });
    }
  }
  return new RootedFiles(runtime.tree, roots, ownUid);
}

async function findRoot(
  { name, path }: FileRootConfig,
  { stateDir }: Config,
  { files, tree }: Needs["runtime"],
): Promise<string> {
  if (path === undefined) await files.ensureDirectory(filesOf(stateDir, name));
  const given = path ?? filesOf(stateDir, name);
  // A root that is itself a link is followed once, here, and never again.
  const real = await tree.realPath(given);
  if (real === null) throw new Error(`there is no directory ${given}`);
  if ((await tree.lstat(real))?.type !== "directory") throw new Error(`${given} is no directory`);
  return real;
}

/** A package must not reach what the connector itself believes, nor the files of another root. */
async function assertHarmless(
  path: string,
  config: Config,
  { tree }: Needs["runtime"],
  others: readonly FileRoot[],
): Promise<void> {
  const real = async (one: string) => await tree.realPath(one) ?? resolve(one);
  for (const own of pathsIn({ ...config, execution: { ...config.execution, files: null } })) {
    if (isWithin(await real(own), path)) throw new Error(`${own} of the connector lies in ${path}`);
  }
  const state = await real(config.stateDir);
  if (isWithin(path, state) && !isWithin(path, `${state}/files`)) {
    throw new Error(`${path} lies in stateDir, but not under its folder files`);
  }
  const other = others.find((one) => isWithin(one.path, path) || isWithin(path, one.path));
  if (other) throw new Error(`${path} and the root ${other.name} lie one in the other`);
}

/** Whether the process may write and read there, and as whom. */
async function probe(path: string, { tree }: Needs["runtime"]): Promise<number> {
  const name = `${path}/${OWN_PREFIX}probe.tmp`;
  await tree.remove(name);
  const entry = await tree.create(name, new Uint8Array(), PROBE_MODE);
  const isRead = await tree.read(name, 0) !== null;
  await tree.remove(name);
  if (!entry || !isRead) throw new Error(`${name} was taken away while it was being looked at`);
  return entry.uid;
}

function filesOf(stateDir: string, name: string): string {
  return `${stateDir}/files/${name}`;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Every path that the configuration names. */
function pathsIn(value: unknown): string[] {
  if (typeof value === "string") return /^\.?\//.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}
