/** Which packages a bundle holds, from the paths of the modules that left something in it. */

export interface Package {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the unpacked package in the cache. */
  readonly folder: string;
}

/** `…/npm/REGISTRY/NAME/VERSION/…`; a second copy of a version has `_1` behind it. */
const CACHED = /^.*\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/]*?)(?:_\d+)?\//;

/**
 * Sorted by name and version.
 * @param sources absolute paths @param own folder of the program's own modules
 * Throws for a module that is neither the program's own nor a package's.
 */
export function packagesIn(sources: readonly string[], own: string): Package[] {
  const found = new Map<string, Package>();
  for (const source of sources) {
    if (source.startsWith(`${own}/`)) continue;
    const [folder, name, version] = CACHED.exec(source) ?? [];
    if (folder === undefined) throw new Error(`${source} belongs to no package`);
    found.set(`${name}@${version}`, { name: name!, version: version!, folder });
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => entry);
}
