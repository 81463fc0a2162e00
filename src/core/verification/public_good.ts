/**
 * The trusted root of Sigstore's public-good instance, for whoever names none. It is the target
 * `trusted_root.json` of Sigstore's TUF repository (its root's version 16) as @sigstore/tuf 5.0.1 of
 * 2026-11-05 carries it; that package's seeds.json is where a newer one is taken from. Nothing is fetched.
 */
import root from "./public_good_root.json" with { type: "json" };

export const PUBLIC_GOOD_ROOT_JSON: string = JSON.stringify(root);
