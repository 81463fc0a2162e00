/** Reads TypeScript as text, far enough for the checks: imports, and code without comments and strings. */

export interface Import {
  readonly specifier: string;
  /** Nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  /** Loaded only when the program gets there. */
  readonly isDynamic: boolean;
  /** From 1. */
  readonly line: number;
}

const COMMENTS_AND_STRINGS =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const IMPORTS = new RegExp(
  [
    // import … from "x"
    /^[ \t]*import\s+(?<importType>type\s+)?(?<names>[\w$*{}\s,]+?)\s*from\s*"(?<from>[^"]+)"/,
    // import "x"
    /^[ \t]*import\s*"(?<bare>[^"]+)"/,
    // export … from "x"
    /^[ \t]*export\s+(?<exportType>type\s+)?(?<exported>\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)\s*from\s*"(?<reexport>[^"]+)"/,
    // import("x"), as a value or as a type
    /(?<typeof>typeof\s+)?\bimport\(\s*"(?<dynamic>[^"]+)"\s*\)/,
  ].map((pattern) => pattern.source).join("|"),
  "gm",
);

export function findImports(source: string): Import[] {
  const code = blank(source, (token) => token.startsWith("/"));
  return [...code.matchAll(IMPORTS)].map((match) => {
    const found = match.groups!;
    const specifier = found.from ?? found.bare ?? found.reexport ?? found.dynamic!;
    const names = found.names ?? found.exported ?? "";
    const typeOnly = [found.importType, found.exportType, found.typeof].some(Boolean) ||
      /^\{(\s*type\s+[\w$]+(\s+as\s+[\w$]+)?\s*,?)+\s*\}$/.test(names);
    const isDynamic = found.dynamic !== undefined;
    return {
      specifier,
      typeOnly,
      isDynamic,
      line: lineOf(code, match.index + match[0].search(/\S/)),
    };
  });
}

/** The code with comments and plain strings blanked; every line keeps its number. */
export function codeOf(source: string): string {
  return blank(source, (token) => !token.startsWith("`"));
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function blank(source: string, isBlanked: (token: string) => boolean): string {
  return source.replaceAll(
    COMMENTS_AND_STRINGS,
    (token) => isBlanked(token) ? token.replaceAll(/[^\n]/g, " ") : token,
  );
}
