/** The whole release: bundle, binaries, SBOM, checksums, and a note that says what stands on which base. */
import config from "../../deno.json" with { type: "json" };
import { print } from "../testbed/print.ts";
import { type Base, officialBase, proofBase } from "./base.ts";
import { type Bundle, bundle, writeBundle } from "./bundle.ts";
import { filesUnder, formatChecksums, sha256 } from "./checksums.ts";
import { compile } from "./compile.ts";
import { type Package, packagesIn } from "./contents.ts";
import { Failure } from "./failure.ts";
import type { PermissionSet } from "./permission_flags.ts";
import { type Lock, type Part, sbomOf } from "./sbom.ts";
import { type BuildFacts, buildFacts, stageSources } from "./staging.ts";
import type { Target } from "./targets.ts";

export interface ReleaseOptions {
  readonly targets: readonly Target[];
  /** Is emptied first. */
  readonly output: string;
  /** Where there is no git to ask. */
  readonly commit?: string | undefined;
  /** Refuses every base but Deno's own. */
  readonly official: boolean;
}

export const CHECKSUMS = "SHA256SUMS";
export const SBOM = "sbom.cdx.json";
/** Is there only when it holds. */
export const UNFIT = "NOT-FOR-RELEASE.txt";

/** Throws Failure. */
export async function makeRelease(options: ReleaseOptions): Promise<void> {
  const facts = await buildFacts(options.commit);
  await Deno.remove(options.output, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(options.output, { recursive: true });
  const output = await Deno.realPath(options.output);
  // By its real path, which is how the bundler names the modules in it.
  const staged = await Deno.realPath(await Deno.makeTempDir());
  let made: Bundle;
  let parts: Part[];
  try {
    await stageSources(staged, facts);
    made = await bundle(staged);
    parts = await Promise.all(packagesIn(made.sources, staged).map(readPart));
  } finally {
    await Deno.remove(staged, { recursive: true });
  }
  await writeBundle(made, `${output}/bundle`);
  print(`bundle: ${made.files.size} files, ${parts.length} packages, Deno ${facts.bundledBy}`);

  const baseOf = await chooseBases(options, `${output}/bundle`);
  const bases = new Map<string, Base>();
  for (const target of options.targets) {
    const base = await baseOf(target.triple);
    if (base === null) {
      print(`${target.file}: left out, no base for ${target.triple} can be had`);
      continue;
    }
    const permissions = config.permissions[target.permissions];
    await compile(
      target,
      base,
      permissions as PermissionSet,
      `${output}/bundle`,
      `${output}/${target.file}`,
    );
    bases.set(target.file, base);
    print(`${target.file}: ${target.permissions} permissions, ${describe(base)}`);
  }
  await writeFacts(output, facts, bases, parts);
}

/** Deno's own for all targets, or for none. */
async function chooseBases(
  { targets, official }: ReleaseOptions,
  bundled: string,
): Promise<(triple: string) => Promise<Base | null>> {
  const base = officialBase();
  const triples = new Set(targets.map(({ triple }) => triple));
  if (base.denort !== null) {
    if (triples.size === 1) return () => Promise.resolve(base);
    throw new Failure("DENORT_BIN is the base of one target: name it with --target");
  }
  const [target] = targets;
  const probe = `${bundled}.probe`;
  try {
    await compile(target!, base, {}, bundled, probe);
    return () => Promise.resolve(base);
  } catch (error) {
    if (!(error instanceof Failure) || !error.said.includes(NO_BASE) || official) throw error;
    print(`Deno ${base.version}'s own base cannot be had: ${firstLine(error)}`);
    return proofBase;
  } finally {
    await Deno.remove(probe).catch(ignoreMissing);
  }
}

/** Why, of all that it says. */
function firstLine({ said }: Failure): string {
  return said.split("\n").find((line) => line.includes("error sending request")) ?? NO_BASE;
}

/** What `deno compile` says when it cannot download its base. */
const NO_BASE = "Setting up base binary";

async function readPart({ name, version, folder }: Package): Promise<Part> {
  const { license } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  return { name, version, licence: typeof license === "string" ? license : null };
}

/** What there is to say of the files, and then the checksums of all of them. */
async function writeFacts(
  output: string,
  facts: BuildFacts,
  bases: ReadonlyMap<string, Base>,
  parts: readonly Part[],
): Promise<void> {
  const unfit = [...bases].filter(([, base]) => !base.fitForRelease);
  if (unfit.length > 0) await Deno.writeTextFile(`${output}/${UNFIT}`, unfitNote(unfit));
  const deno = [...bases.values()][0]?.version ?? facts.bundledBy;
  const lock: Lock = JSON.parse(await Deno.readTextFile("deno.lock"));
  const sbom = sbomOf({ version: config.version, commit: facts.commit, deno, parts }, lock);
  await Deno.writeTextFile(`${output}/${SBOM}`, `${JSON.stringify(sbom, null, 2)}\n`);
  const digests = new Map<string, string>();
  for (const path of await filesUnder(output)) {
    digests.set(path, sha256(await Deno.readFile(`${output}/${path}`)));
  }
  await Deno.writeTextFile(`${output}/${CHECKSUMS}`, formatChecksums(digests));
  print(`${output}/${CHECKSUMS}: ${digests.size} files`);
  if (unfit.length > 0) print(`\n${unfitNote(unfit)}`);
}

function unfitNote(unfit: readonly (readonly [string, Base])[]): string {
  return [
    "These binaries prove that the connector compiles. They are not for release: nobody vouches for the",
    `runtime in them. It is not that of Deno ${Deno.version.deno}, which could not be downloaded, but:`,
    "",
    ...unfit.map(([file, { version, source }]) => `${file}: Deno ${version}, ${source}`),
    "",
  ].join("\n");
}

function describe({ version, source, fitForRelease }: Base): string {
  return `base of Deno ${version} (${source})${fitForRelease ? "" : ", not for release"}`;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
