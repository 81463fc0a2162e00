/** What is said of an image: read from the OCI archive itself. */
import { runChecked } from "../release/failure.ts";

export interface ImageFacts {
  /** Of the manifest, `sha256:…`: by which a cluster can name the image. */
  readonly digest: string;
  /** Bytes of layers as they are transferred. */
  readonly compressedBytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

/** https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md */
export async function readArchive(archive: string): Promise<ImageFacts> {
  const read = async (path: string) => JSON.parse(await runChecked("tar", ["-xOf", archive, path]));
  const index = await read("index.json") as { manifests: readonly Descriptor[] };
  const { digest } = index.manifests[0]!;
  const manifest = await read(blob(digest)) as {
    config: Descriptor;
    layers: readonly Descriptor[];
  };
  const { config } = await read(blob(manifest.config.digest));
  return {
    digest,
    compressedBytes: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    labels: config.Labels,
  };
}

function blob(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}
