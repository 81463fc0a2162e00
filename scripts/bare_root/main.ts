/**
 * `deno task bare-root story|denied [--bundle] [--config FILE] [--dist DIR]`: what deno task compile made, in a
 * root directory with nothing but the C library and CA certificates. `story` plays `simulate` with it, all
 * peers outside: the embedded ones, or the real ones of FILE. `denied` tries what its permissions forbid.
 * `--bundle` takes this Deno and the bundle in the place of the binary. Needs to be root, on Linux x86_64.
 */
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import type { CliIo } from "../../src/cli/io.ts";
import { simulate } from "../../src/cli/simulate/simulate.ts";
import { Failure } from "../release/failure.ts";
import { permissionFlags, type PermissionSet } from "../release/permission_flags.ts";
import { print } from "../testbed/print.ts";
import { tryDenied } from "./denied.ts";
import { launchInside } from "./launch.ts";
import { AS_BINARY, asBundle, type BareRoot, makeBareRoot, STATE, type Variant } from "./root.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bundle: { type: "boolean", default: false },
    config: { type: "string" },
    dist: { type: "string", default: "reports/dist" },
  },
});

try {
  Deno.exit(await play(positionals[0]));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}

async function play(what: string | undefined): Promise<number> {
  if (Deno.uid() !== 0) throw new Failure("needs to be root, to change the root directory");
  const { dist } = values;
  const flags = permissionFlags(config.permissions.agent as PermissionSet);
  const variant = values.bundle ? await asBundle(`${dist}/bundle`, flags) : AS_BINARY;
  const program = values.bundle ? Deno.execPath() : `${dist}/neuralops-connector-linux-x86_64`;
  const root = await makeBareRoot(program);
  try {
    for (const [from, to] of variant.files) await root.put(from, to);
    if (what === "story") return await tell(root, variant);
    if (what === "denied") {
      print(JSON.stringify(await tryDenied(root, variant, values.dist)));
      return 0;
    }
    throw new Failure("say what: story or denied");
  } finally {
    await root.remove();
  }
}

async function tell(root: BareRoot, variant: Variant): Promise<number> {
  const io: CliIo = {
    print,
    printError: print,
    readFile: (path) => Deno.readFile(path),
    env: () => undefined,
    isInteractive: false,
    hasColours: false,
    ask: () => null,
  };
  const options = {
    output: `reports/bare-root-${values.bundle ? "bundle" : "binary"}`,
    ...(values.config === undefined ? {} : { config: values.config }),
  };
  return await simulate(io, new Promise<void>(() => {}), options, {
    folder: `${root.path}${STATE}`,
    launch: launchInside(root, variant),
  });
}
