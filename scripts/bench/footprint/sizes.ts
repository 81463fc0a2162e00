/** How large what is shipped is. */
import { readArchive } from "../../image/archive.ts";
import { archiveOf, FLAVOURS } from "../../image/flavours.ts";
import { isFile } from "../../testbed/command.ts";
import { DIST } from "./programs.ts";

export interface Size {
  readonly file: string;
  /** null for an image, which nobody has in one piece. */
  readonly mib: number | null;
  /** As it is transferred: gzip; an image's layers as they are. */
  readonly compressedMib: number;
}

const BYTES_PER_MIB = 2 ** 20;

/** Of the binaries in DIST, and of the bundle's chunks together; nothing for what is not there. */
export async function measureSizes(): Promise<Size[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(DIST)) {
      if (isFile && name.startsWith("neuralops-connector-") && !name.endsWith(".oci.tar")) {
        names.push(name);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return [];
  }
  const sizes = names.sort().map((name) => sizeOf(name, [`${DIST}/${name}`]));
  const chunks: string[] = [];
  for await (const { name } of Deno.readDir(`${DIST}/bundle`)) {
    chunks.push(`${DIST}/bundle/${name}`);
  }
  return [...await Promise.all([...sizes, sizeOf("bundle", chunks)]), ...await imageSizes()];
}

async function imageSizes(): Promise<Size[]> {
  const sizes: Size[] = [];
  for (const [name, flavour] of Object.entries(FLAVOURS)) {
    const archive = archiveOf(DIST, flavour);
    if (!await isFile(archive)) continue;
    const { compressedBytes } = await readArchive(archive);
    sizes.push({
      file: `image (${name})`,
      mib: null,
      compressedMib: compressedBytes / BYTES_PER_MIB,
    });
  }
  return sizes;
}

async function sizeOf(file: string, paths: readonly string[]): Promise<Size> {
  let bytes = 0;
  let gzipped = 0;
  for (const path of paths) {
    bytes += (await Deno.stat(path)).size;
    const { readable } = await Deno.open(path);
    for await (const chunk of readable.pipeThrough(new CompressionStream("gzip"))) {
      gzipped += chunk.length;
    }
  }
  return { file, mib: bytes / BYTES_PER_MIB, compressedMib: gzipped / BYTES_PER_MIB };
}
