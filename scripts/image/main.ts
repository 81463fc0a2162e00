/**
 * `deno task image [--release DIR] [--check]`: the image of the release in reports/dist, as an OCI archive
 * beside it. `--check` builds it twice and ends with 1 unless both are the same, byte for byte.
 */
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import { Failure } from "../release/failure.ts";
import { print } from "../testbed/print.ts";
import { buildImage, NAME } from "./image.ts";

const { values } = parseArgs({
  options: {
    release: { type: "string", default: "reports/dist" },
    check: { type: "boolean", default: false },
  },
});
const { version } = config;
const binary = `neuralops-connector-linux-${Deno.build.arch}`;
const archive = `${values.release}/${binary}.oci.tar`;
const options = { release: values.release, version, binary, archive };
try {
  const begun = Date.now();
  const made = await buildImage(options);
  print(`${NAME}:${version}@${made.digest}`);
  print(`${archive}: ${megabytes(made.compressedBytes)} MB compressed, ${seconds(begun)} s`);
  if (values.check) await compare(made.digest);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}

async function compare(digest: string): Promise<void> {
  const begun = Date.now();
  const again = `${archive}.again`;
  try {
    const { digest: second } = await buildImage({ ...options, archive: again });
    if (second !== digest) throw new Failure(`a second build is another image: ${second}`);
  } finally {
    await Deno.remove(again).catch(() => {});
  }
  print(`a second build is the same image; ${seconds(begun)} s`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function seconds(begun: number): string {
  return ((Date.now() - begun) / 1000).toFixed(1);
}
