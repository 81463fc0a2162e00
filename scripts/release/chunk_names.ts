/**
 * Names of chunks that say nothing about the machine. The bundler puts a hash into each name that covers
 * the paths of the build folder and of the package cache, so that the same source gives other names, and
 * other bytes wherever a chunk is imported, on every machine.
 */

const CHUNK = /^(.+)-[A-Z0-9]{8}\.js$/;

/**
 * Files of a bundle by name → the same files, named by their stem and the order in which they are reached
 * from the entry: `chunk-1.js`, `simulate-1.js`. Throws when a file is reached by no other.
 */
export function renameChunks(
  files: ReadonlyMap<string, string>,
  entry: string,
): Map<string, string> {
  const names = new Map([[entry, entry]]);
  const counts = new Map<string, number>();
  // A Map goes on to what is added while it is walked: this is a breadth-first search.
  for (const name of names.keys()) {
    for (const reached of importsOf(files.get(name)!, files)) {
      if (names.has(reached)) continue;
      const stem = CHUNK.exec(reached)?.[1] ?? reached.replace(/\.js$/, "");
      const count = (counts.get(stem) ?? 0) + 1;
      counts.set(stem, count);
      names.set(reached, `${stem}-${count}.js`);
    }
  }
  const lost = [...files.keys()].filter((name) => !names.has(name));
  if (lost.length > 0) throw new Error(`nothing in the bundle imports ${lost.join(", ")}`);
  return new Map([...names].map(([name, renamed]) => [
    renamed,
    files.get(name)!.replaceAll(REFERENCE, (whole, quoted: string) => {
      const target = names.get(quoted);
      return target === undefined ? whole : `"./${target}"`;
    }),
  ]));
}

const REFERENCE = /"\.\/([^"/]+\.js)"/g;

/** In the order in which they stand in the text. */
function importsOf(text: string, files: ReadonlyMap<string, string>): string[] {
  return [...text.matchAll(REFERENCE)].map(([, name]) => name!).filter((name) => files.has(name));
}
