/**
 * `deno task image [--release DIR] [--runtime deno] [--check]`: the image of the release in reports/dist,
 * as an OCI archive beside it. `--runtime deno` has the bundle under Deno in the place of the compiled
 * file. `--check` builds it twice and ends with 1 unless both are the same, byte for byte.
 */
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import { Failure } from "../release/failure.ts";
import { print } from "../testbed/print.ts";
import { archiveOf, FLAVOURS } from "./flavours.ts";
import { buildImage, type ImageOptions, nameOf } from "./image.ts";

const { values } = parseArgs({
  options: {
    release: { type: "string", default: "reports/dist" },
    runtime: { type: "string", default: "compiled" },
    check: { type: "boolean", default: false },
  },
});
try {
  const flavour = FLAVOURS[values.runtime as keyof typeof FLAVOURS];
  if (!flavour) throw new Failure(`--runtime is compiled or deno, not ${values.runtime}`);
  const { release } = values;
  const archive = archiveOf(release, flavour);
  const options: ImageOptions = { release, flavour, version: config.version, archive };
  const begun = Date.now();
  const { digest, compressedBytes } = await buildImage(options);
  print(`${nameOf(options)}@${digest}`);
  print(`${archive}: ${(compressedBytes / 1e6).toFixed(1)} MB compressed, ${seconds(begun)} s`);
  if (values.check) await compare(options, digest);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}

async function compare(options: ImageOptions, digest: string): Promise<void> {
  const begun = Date.now();
  const archive = `${options.archive}.again`;
  try {
    const { digest: second } = await buildImage({ ...options, archive });
    if (second !== digest) throw new Failure(`a second build is another image: ${second}`);
  } finally {
    await Deno.remove(archive).catch(() => {});
  }
  print(`a second build is the same image; ${seconds(begun)} s`);
}

function seconds(begun: number): string {
  return ((Date.now() - begun) / 1000).toFixed(1);
}
