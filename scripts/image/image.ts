/** The image of a release, built without a registry: the Containerfile on a base of Debian's packages. */
import { buildFacts } from "../release/staging.ts";
import { Failure, runChecked } from "../release/failure.ts";
import { type ImageFacts, readArchive } from "./archive.ts";
import { writeBaseRoot } from "./base_root.ts";
import { Store } from "./store.ts";

const BASE = "localhost/neuralops-connector-base:debian12";
const BASE_FILE =
  "FROM scratch\nADD root.tar home.tar /\nUSER 65532:65532\nWORKDIR /home/nonroot\n";
export const NAME = "localhost/neuralops-connector";

export interface ImageOptions {
  /** Folder of a release, with the binary in it. */
  readonly release: string;
  readonly version: string;
  readonly binary: string;
  /** Path of the OCI archive. */
  readonly archive: string;
}

/** Throws Failure. */
export async function buildImage(options: ImageOptions): Promise<ImageFacts> {
  const { release, version, binary, archive } = options;
  if (await Deno.stat(`${release}/${binary}`).catch(() => null) === null) {
    throw new Failure(`there is no ${release}/${binary}: make it with deno task compile`);
  }
  const epochSeconds = await commitTime();
  await using store = await Store.open();
  const base = `${store.folder}/base`;
  await Deno.mkdir(base);
  await writeBaseRoot(base, epochSeconds);
  await Deno.writeTextFile(`${base}/Containerfile`, BASE_FILE);
  await store.build({
    containerfile: `${base}/Containerfile`,
    context: base,
    tag: BASE,
    epochSeconds,
  });
  const { commit } = await buildFacts(undefined);
  const tag = `${NAME}:${version}`;
  await store.build({
    containerfile: "Containerfile",
    context: release,
    tag,
    epochSeconds,
    buildArguments: {
      BASE,
      BINARY: binary,
      VERSION: version,
      REVISION: commit ?? "unknown",
      CREATED: new Date(epochSeconds * 1000).toISOString().replace(".000Z", "Z"),
    },
  });
  await store.save(tag, archive);
  return await readArchive(archive);
}

/** Of the commit, so that every build of it says the same. */
async function commitTime(): Promise<number> {
  return Number(await runChecked("git", ["log", "-1", "--format=%ct"]));
}
