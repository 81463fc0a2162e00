/** The image of the release in reports/dist, and tests that need it. */
import config from "../../deno.json" with { type: "json" };
import { NAME } from "../../scripts/image/image.ts";
import { print } from "../../scripts/testbed/print.ts";
import { realTest } from "./peers.ts";

export const ARCHIVE = `reports/dist/neuralops-connector-linux-${Deno.build.arch}.oci.tar`;
export const IMAGE = `${NAME}:${config.version}`;

/** Like `realTest`; is ignored as well where there is no image yet. */
export function imageTest(
  name: string,
  needs: readonly string[],
  work: (context: Deno.TestContext) => Promise<void>,
): void {
  if (isThere(ARCHIVE)) return realTest(name, needs, work);
  print(`ignored: ${name}: no ${ARCHIVE}: deno task compile && deno task image`);
  Deno.test({ name, ignore: true, fn: work });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
