/** What every command loads before it does anything: all that `main.ts` imports statically. Pure. */
import { posix } from "node:path";
import { findImports } from "./source_text.ts";

export interface StartGraph {
  /** Our own files. */
  readonly files: ReadonlySet<string>;
  /** Specifiers of packages and of the runtime's own modules, as they are written. */
  readonly packages: ReadonlySet<string>;
}

/** @param sources texts by path, with every file that can be reached */
export function startGraph(sources: ReadonlyMap<string, string>, entry = "main.ts"): StartGraph {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const { specifier, typeOnly, isDynamic } of findImports(sources.get(path) ?? "")) {
      if (typeOnly || isDynamic) continue;
      if (!specifier.startsWith(".")) packages.add(specifier);
      else visit(posix.join(posix.dirname(path), specifier));
    }
  };
  visit(entry);
  return { files, packages };
}
