/** `deno compile` of the bundle for one target. */
import { type Base } from "./base.ts";
import { ENTRY } from "./bundle.ts";
import { runChecked } from "./failure.ts";
import { permissionFlags, type PermissionSet } from "./permission_flags.ts";
import type { Target } from "./targets.ts";

/** Of the two halves of the young generation: 6 MB less, and no slower (docs/footprint.md). */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";
/**
 * No configuration, no lock file and no packages: what is in the bundle is all that goes in.
 * Without the code cache, as a binary would keep it in a file of the temporary folder's, which its
 * permissions do not cover.
 */
const ALONE = [
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-check",
  "--no-code-cache",
  // What deno.json has in `unstable`: decision 30.
  "--unstable-net",
  V8_FLAGS,
];

/** Throws Failure. @param bundle the folder */
export async function compile(
  { triple }: Target,
  { deno, denort }: Base,
  permissions: PermissionSet,
  bundle: string,
  output: string,
): Promise<void> {
  await runChecked(deno, [
    "compile",
    "--quiet",
    ...ALONE,
    ...permissionFlags(permissions),
    "--target",
    triple,
    "--output",
    output,
    ENTRY,
  ], { cwd: bundle, ...(denort === null ? {} : { env: { DENORT_BIN: denort } }) });
}
