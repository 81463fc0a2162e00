/** SHA256SUMS, as `sha256sum --check` reads it. */
import { createHash } from "node:crypto";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @param digests hexadecimal SHA-256 by path relative to the file; sorted by path */
export function formatChecksums(digests: ReadonlyMap<string, string>): string {
  return [...digests].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([path, digest]) => `${digest}  ${path}\n`).join("");
}

/** The paths of all files under a folder, relative to it. */
export async function filesUnder(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (isDirectory) found.push(...await filesUnder(folder, `${prefix}${name}/`));
    else found.push(`${prefix}${name}`);
  }
  return found;
}
