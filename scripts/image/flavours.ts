/** What stands on the base: one compiled file, or the bundle under Deno itself. */
import config from "../../deno.json" with { type: "json" };
import { runChecked } from "../release/failure.ts";

export interface Flavour {
  /** Stage of the Containerfile. */
  readonly target: string;
  /** Of the image's tag, after the version. */
  readonly suffix: string;
  /** In the folder of a release: without it there is nothing to build. */
  readonly needs: string;
  /** Folder that the Containerfile copies from. @param scratch is empty, and goes after the build */
  context(release: string, scratch: string): Promise<string>;
}

export const COMPILED_FILE = `neuralops-connector-linux-${Deno.build.arch}`;

export const FLAVOURS: Readonly<Record<"compiled" | "deno", Flavour>> = {
  compiled: {
    target: "compiled",
    suffix: "",
    needs: COMPILED_FILE,
    context: (release) => Promise.resolve(release),
  },
  deno: {
    target: "deno",
    suffix: "-deno",
    needs: "bundle/main.js",
    async context(release, scratch) {
      await runChecked("cp", ["-R", `${release}/bundle`, scratch]);
      await Deno.copyFile(Deno.execPath(), `${scratch}/deno`);
      await Deno.writeTextFile(`${scratch}/deno.json`, permissionsFile(config.permissions));
      return scratch;
    },
  },
};

/** Path of the OCI archive. */
export function archiveOf(release: string, { suffix }: Flavour): string {
  return `${release}/${COMPILED_FILE}${suffix}.oci.tar`;
}

/** The image's own deno.json: what the agent may do, and nothing of how it is developed. */
export function permissionsFile({ agent }: { readonly agent: unknown }): string {
  return JSON.stringify({ permissions: { agent } }, null, 2);
}
