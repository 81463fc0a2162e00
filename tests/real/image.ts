/** The image of the release in reports/dist, and tests that need it. */
import config from "../../deno.json" with { type: "json" };
import { archiveOf, FLAVOURS } from "../../scripts/image/flavours.ts";
import { nameOf } from "../../scripts/image/image.ts";
import { print } from "../../scripts/testbed/print.ts";
import { realTest } from "./peers.ts";

export type FlavourName = keyof typeof FLAVOURS;

export interface Image {
  /** Path of the OCI archive. */
  readonly archive: string;
  /** Name and tag. */
  readonly name: string;
}

export function imageOf(flavourName: FlavourName): Image {
  const flavour = FLAVOURS[flavourName];
  return {
    archive: archiveOf("reports/dist", flavour),
    name: nameOf({ version: config.version, flavour }),
  };
}

/** Like `realTest`; is ignored as well where there is no image yet. */
export function imageTest(
  name: string,
  flavour: FlavourName,
  needs: readonly string[],
  work: (context: Deno.TestContext) => Promise<void>,
): void {
  const { archive } = imageOf(flavour);
  if (isThere(archive)) return realTest(name, needs, work);
  print(
    `ignored: ${name}: no ${archive}: deno task compile && deno task image --runtime ${flavour}`,
  );
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
