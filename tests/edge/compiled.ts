/** The real binary and its Debian package, made once for a run of the tests. */
import config from "../../deno.json" with { type: "json" };
import { runToEnd } from "../real/process.ts";
import { WORK } from "./release.ts";

export interface Compiled {
  /** Folder with main.js. */
  readonly bundle: string;
  readonly binary: string;
  readonly deb: string;
}

let made: Promise<Compiled> | undefined;

export function compiled(): Promise<Compiled> {
  return made ??= make();
}

async function make(): Promise<Compiled> {
  const output = `${WORK}/dist`;
  const run = async (script: string, ...args: string[]) => {
    const { code, stderr } = await runToEnd(Deno.execPath(), {
      args: ["run", "-P=release", "--no-prompt", "--quiet", script, "--output", output, ...args],
    });
    if (code !== 0) throw new Error(`${script}: ${stderr}`);
  };
  await run("scripts/release/main.ts", "--target", "x86_64-unknown-linux-gnu");
  await run("scripts/edge/main.ts");
  return {
    bundle: `${output}/bundle`,
    binary: `${output}/neuralops-connector-linux-x86_64`,
    deb: `${output}/neuralops-connector_${config.version}_amd64.deb`,
  };
}
