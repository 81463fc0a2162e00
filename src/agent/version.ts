/** What this program is: the one version number, from deno.json, and what the release filled in. */
import config from "../../deno.json" with { type: "json" };
import build from "../build.json" with { type: "json" };

export const VERSION: string = config.version;
/** Those of deno.json that programs are compiled with. */
export const PERMISSION_SETS = {
  agent: config.permissions.agent,
  cli: config.permissions.cli,
} as Readonly<Record<"agent" | "cli", PermissionSet>>;

/** Everything of a kind, or what is listed. */
export interface PermissionSet {
  readonly read: true | readonly string[];
  readonly write: true | readonly string[];
  readonly net: true | readonly string[];
  readonly env: { readonly allow: readonly string[] };
  readonly sys: readonly string[];
}

export interface BuildFacts {
  /** Hash of the commit; null when the source was not exactly one that is committed. */
  readonly commit: string | null;
  /** Hexadecimal SHA-256 of deno.lock. */
  readonly lockDigest: string;
  /** Version of the Deno that made the bundle. */
  readonly bundledBy: string;
}

/** null when it runs from source. */
export const BUILD: BuildFacts | null = isBuilt(build) ? build : null;

function isBuilt(facts: Record<keyof BuildFacts, string | null>): facts is
  & Record<keyof BuildFacts, string | null>
  & BuildFacts {
  return facts.lockDigest !== null && facts.bundledBy !== null;
}
