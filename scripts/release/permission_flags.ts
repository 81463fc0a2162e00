/** A permission set of deno.json as flags, for where there is no deno.json: in a binary, in an image. */

/** `true` is everything of that kind. */
type Granted = true | readonly string[];

export interface PermissionSet {
  readonly read?: Granted;
  readonly write?: Granted;
  readonly net?: Granted;
  readonly sys?: Granted;
  /** With `ignore` every other variable seems not to be set. */
  readonly env?: { readonly allow: readonly string[]; readonly ignore: true };
}

const KINDS = ["read", "write", "net", "sys"] as const;

/**
 * Throws for what must not be baked into a binary: a relative path, which would become one of the folder
 * it was built in, and whatever this does not know, `run` and `ffi` among it.
 */
export function permissionFlags(set: PermissionSet): string[] {
  const unknown = Object.keys(set).filter((kind) => kind !== "env" && !isKind(kind));
  if (unknown.length > 0) throw new Error(`must not be compiled in: ${unknown.join(", ")}`);
  const flags = KINDS.flatMap((kind) => {
    const granted = set[kind];
    if (granted === undefined) return [];
    if (granted === true) return [`--allow-${kind}`];
    if (kind === "read" || kind === "write") refuseRelative(granted);
    return [`--allow-${kind}=${granted.join(",")}`];
  });
  if (set.env) flags.push(`--allow-env=${set.env.allow.join(",")}`, "--ignore-env");
  // Without it code may be fetched from the registries that Deno trusts.
  return [...flags, "--deny-import", "--no-prompt"];
}

function isKind(kind: string): kind is typeof KINDS[number] {
  return (KINDS as readonly string[]).includes(kind);
}

function refuseRelative(paths: readonly string[]): void {
  const relative = paths.filter((path) => !path.startsWith("/"));
  if (relative.length > 0) throw new Error(`not an absolute path: ${relative.join(", ")}`);
}
