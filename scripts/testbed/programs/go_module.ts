/** Servers that are built from Go modules: pinned, checksummed, and built once for each version. */
import { isFile, run, which } from "../command.ts";
import { cacheFolder, type Search } from "../peer.ts";
import { print } from "../print.ts";

const SOURCES = "scripts/testbed/go";

export interface GoProgram {
  readonly name: string;
  readonly version: string;
  /** Folder under scripts/testbed/go. */
  readonly folder: string;
  /** In that folder; default: the folder itself. */
  readonly package?: string;
  /** Where it is not go.mod. */
  readonly modfile?: string;
  readonly tags?: string;
  /** `package.variable=value` for the linker: what these programs call their version. */
  readonly variables: readonly string[];
}

const KUBERNETES_VERSION = (version: string) => {
  const [major, minor] = version.split(".");
  return Object.entries({
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: "clean",
  }).map(([variable, value]) => `k8s.io/component-base/version.${variable}=${value}`);
};

export const KUBERNETES: GoProgram = {
  name: "kubernetes",
  version: "1.37.2",
  folder: "kubernetes",
  tags: "kwok",
  variables: KUBERNETES_VERSION("1.37.2"),
};
/** The oldest minor that the connector says it supports. */
export const OLDEST_KUBERNETES: GoProgram = {
  name: "kubernetes",
  version: "1.30.14",
  folder: "kubernetes",
  modfile: "oldest.mod",
  variables: KUBERNETES_VERSION("1.30.14"),
};
export const KUBELET: GoProgram = {
  name: "kubelet",
  version: KUBERNETES.version,
  folder: KUBERNETES.folder,
  package: "./kubelet",
  variables: KUBERNETES.variables,
};
export const OLDEST_KUBELET: GoProgram = {
  ...OLDEST_KUBERNETES,
  name: "kubelet",
  package: "./kubelet",
  tags: "oldest",
};
export const OPENBAO: GoProgram = {
  name: "bao",
  version: "2.4.0",
  folder: "openbao",
  variables: ["github.com/openbao/openbao/version.fullVersion=2.4.0"],
};
export const MINIO: GoProgram = {
  name: "minio",
  version: "RELEASE.2026-02-12T20-18-48Z",
  folder: "minio",
  variables: ["github.com/minio/minio/cmd.ReleaseTag=RELEASE.2026-02-12T20-18-48Z"],
};
/** Debian's is of 2023; this one takes remote write 2.0. Without service discovery and pages. */
export const PROMETHEUS_3: GoProgram = {
  name: "prometheus",
  version: "3.16.0",
  folder: "prometheus",
  package: "github.com/prometheus/prometheus/cmd/prometheus",
  tags: "remove_all_sd",
  variables: ["github.com/prometheus/common/version.Version=3.16.0"],
};

/** Builds it unless the cache has it. @param signal ends a build that takes too long */
export async function findGoProgram(program: GoProgram, signal: AbortSignal): Promise<Search> {
  const { name, version, folder, modfile } = program;
  const built = `${cacheFolder()}/${name}-${version}/${name}`;
  const source = `built from the Go module proxy, ${SOURCES}/${folder}/${modfile ?? "go.mod"}`;
  if (!await isFile(built)) {
    if (!await which("go")) return { why: "there is no Go here to build it with" };
    print(`building ${name} ${version}; the first time this takes minutes`);
    const problem = await build(program, built, signal);
    if (problem) return { why: `go build: ${problem}` };
  }
  return { program: built, version, source };
}

/** null when it went well. */
async function build(
  { folder, package: packagePath = ".", modfile, tags, variables }: GoProgram,
  target: string,
  signal: AbortSignal,
): Promise<string | null> {
  // Under another name until it is whole: a build that is broken off must not look like a program.
  const partial = `${target}.part`;
  await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  const flags = ["-s", "-w", ...variables.flatMap((variable) => ["-X", variable])];
  const { ok, problem } = await run("go", [
    "build",
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    ...(modfile ? [`-modfile=${modfile}`] : []),
    ...(tags ? ["-tags", tags] : []),
    "-ldflags",
    flags.join(" "),
    "-o",
    partial,
    packagePath,
  ], { cwd: `${SOURCES}/${folder}`, env: { CGO_ENABLED: "0", GOFLAGS: "" }, signal });
  if (!ok) return problem;
  await Deno.rename(partial, target);
  return null;
}

/**
 * Gives a program that is many by its name that name.
 * @param built as `findGoProgram` returned it
 */
export async function nameProgram(built: string, name: string): Promise<string> {
  const path = `${built.slice(0, built.lastIndexOf("/"))}/${name}`;
  try {
    await Deno.symlink(built.slice(built.lastIndexOf("/") + 1), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  return path;
}
