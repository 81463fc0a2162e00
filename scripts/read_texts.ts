/** Text files of the repository by path, sorted; the scripts run in its root. */
export async function readTexts(
  roots: readonly string[],
  isWanted: (path: string) => boolean,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const path of (await listFiles(roots)).filter(isWanted)) {
    texts.set(path, await Deno.readTextFile(path));
  }
  return texts;
}

/** Folders are searched whole; a root that does not exist holds nothing. */
export async function listFiles(roots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const root of roots) {
    try {
      if ((await Deno.stat(root)).isFile) {
        found.push(root);
        continue;
      }
      const names = [];
      for await (const { name } of Deno.readDir(root)) names.push(`${root}/${name}`);
      found.push(...await listFiles(names));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found.sort();
}
