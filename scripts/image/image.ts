/** The image of a release, built without a registry: the Containerfile on a base of Debian's packages. */
import { Failure, runChecked } from "../release/failure.ts";
import { buildFacts } from "../release/staging.ts";
import { isFile } from "../testbed/command.ts";
import { type ImageFacts, readArchive } from "./archive.ts";
import { writeBaseRoot } from "./base_root.ts";
import { COMPILED_FILE, type Flavour } from "./flavours.ts";
import { Store } from "./store.ts";

export const NAME = "localhost/neuralops-connector";
const BASE = "localhost/neuralops-connector-base:debian12";
const BASE_FILE =
  "FROM scratch\nADD root.tar home.tar /\nUSER 65532:65532\nWORKDIR /home/nonroot\n";

export interface ImageOptions {
  /** Folder of a release. */
  readonly release: string;
  readonly flavour: Flavour;
  readonly version: string;
  /** Path of the OCI archive to be made. */
  readonly archive: string;
}

/** Name and tag of an image. */
export function nameOf({ version, flavour }: Pick<ImageOptions, "version" | "flavour">): string {
  return `${NAME}:${version}${flavour.suffix}`;
}

/** Throws Failure. */
export async function buildImage(options: ImageOptions): Promise<ImageFacts> {
  const { release, flavour, version, archive } = options;
  if (!await isFile(`${release}/${flavour.needs}`)) {
    throw new Failure(`there is no ${release}/${flavour.needs}: make it with deno task compile`);
  }
  const epochSeconds = await commitTime();
  const { commit } = await buildFacts(undefined);
  await using store = await Store.open();
  await buildBase(store, epochSeconds);
  const scratch = await store.makeFolder("context");
  const tag = nameOf(options);
  await store.build({
    containerfile: "Containerfile",
    target: flavour.target,
    context: await flavour.context(release, scratch),
    tag,
    epochSeconds,
    buildArguments: {
      BASE,
      BINARY: COMPILED_FILE,
      VERSION: version,
      REVISION: commit ?? "unknown",
      CREATED: new Date(epochSeconds * 1000).toISOString().replace(".000Z", "Z"),
    },
  });
  await store.save(tag, archive);
  return await readArchive(archive);
}

async function buildBase(store: Store, epochSeconds: number): Promise<void> {
  const context = await store.makeFolder("base");
  const containerfile = `${context}/Containerfile`;
  await writeBaseRoot(context, epochSeconds);
  await Deno.writeTextFile(containerfile, BASE_FILE);
  await store.build({ containerfile, context, tag: BASE, epochSeconds });
}

/** Of the commit, so that every build of it says the same. */
async function commitTime(): Promise<number> {
  return Number(await runChecked("git", ["log", "-1", "--format=%ct"]));
}
