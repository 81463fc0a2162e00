/** Debian's copyright file, from the SBOM: whose work is in the binary, and under which licence. */

interface Component {
  readonly type: string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly {
    readonly expression?: string;
    readonly license?: { readonly id?: string; readonly name?: string };
  }[];
}

export interface Sbom {
  readonly components: readonly Component[];
}

export function copyrightOf({ components }: Sbom, year: number): string {
  const packages = components.filter(({ type }) => type === "library").map((component) => {
    const { group, name, version, licenses = [] } = component;
    const terms = licenses.map(({ expression, license }) =>
      expression ?? license?.id ?? license?.name ?? "unknown"
    );
    return `${group ? `${group}/` : ""}${name} ${version}: ${terms.join(", ") || "unknown"}`;
  });
  return [
    `The NeuralOps connector. Copyright (C) ${year} the authors of NeuralOps.`,
    "",
    "The binary holds the Deno runtime (MIT, copyright the Deno authors), V8 (BSD-3-Clause) and these",
    "packages from npm, each under its own licence. The text of Apache-2.0 is in",
    "/usr/share/common-licenses/Apache-2.0.",
    "",
    ...packages.map((line) => `  ${line}`),
    "",
  ].join("\n");
}
