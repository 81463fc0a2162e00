/** What the agent's permissions forbid, tried from inside: by a probe that has them, and by the connector. */
import config from "../../deno.json" with { type: "json" };
import { officialBase, proofBase } from "../release/base.ts";
import { compile } from "../release/compile.ts";
import { Failure, runChecked } from "../release/failure.ts";
import type { PermissionSet } from "../release/permission_flags.ts";
import { UNFIT } from "../release/release.ts";
import { TARGETS } from "../release/targets.ts";
import { isFile } from "../testbed/command.ts";
import { AS_BINARY, type BareRoot, CONFIG, STATE, type Variant } from "./root.ts";
import { runInside } from "./spawn.ts";

const PROBE = "tests/real/permission_probe.ts";
/** There, and writable for whoever is root: only permissions stand in the way. */
const ELSEWHERE = "/srv/state";

export interface Denied {
  /** What the probe tried → "allowed", or the name of the error. */
  readonly probe: Readonly<Record<string, string>>;
  /** The connector with a state directory elsewhere. */
  readonly connector: { readonly code: number; readonly said: string };
}

/** @param dist what `deno task compile` made: the probe gets the same base */
export async function tryDenied(root: BareRoot, variant: Variant, dist: string): Promise<Denied> {
  const connector = await tryElsewhere(root, variant);
  const folder = await Deno.makeTempDir();
  try {
    // In the place of the connector: the same command with the same permissions.
    const file = `${root.path}${variant.command.at(-1)}`;
    await Deno.copyFile(await buildProbe(folder, variant, dist), file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const { code, said } = await runInside({
    root: root.path,
    env: { ...variant.env, NEURALOPS_PROBE: "1", NEURALOPS_CONFIG: "connector.yaml" },
    command: [...variant.command, STATE],
  });
  if (code !== 0) throw new Failure(`the probe ended with ${code}: ${said}`);
  return { probe: JSON.parse(said), connector };
}

async function tryElsewhere(root: BareRoot, { command, env }: Variant) {
  const path = `${CONFIG}/elsewhere.json`;
  await Deno.writeTextFile(
    `${root.path}${path}`,
    JSON.stringify({
      clusterName: "elsewhere",
      stateDir: ELSEWHERE,
      controlPlane: { url: "https://127.0.0.1:1" },
      vault: { address: "https://127.0.0.1:1", auth: { method: "token", tokenFile: path } },
    }),
  );
  return await runInside({
    root: root.path,
    env,
    command: [...command, "run", "--config", path],
  });
}

/** Path of a program for the binary, of its code for the bundle. */
async function buildProbe(folder: string, variant: Variant, dist: string): Promise<string> {
  const code = `${folder}/main.js`;
  await runChecked(Deno.execPath(), ["bundle", "--quiet", "--output", code, PROBE]);
  if (variant !== AS_BINARY) return code;
  const target = TARGETS[0]!;
  const base = await isFile(`${dist}/${UNFIT}`) ? await proofBase(target.triple) : officialBase();
  const permissions = config.permissions.agent as PermissionSet;
  await compile(target, base!, permissions, folder, `${folder}/probe`);
  return `${folder}/probe`;
}
