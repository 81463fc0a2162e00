/** Which real peers the testbed has; tests that need an absent one say so and are ignored. */
import type { Peer } from "../../scripts/testbed/peer.ts";
import { print } from "../../scripts/testbed/print.ts";
import { STATE_FILE, type Testbed } from "../../scripts/testbed/testbed.ts";

export const testbed = readTestbed();

/** The absolute path of a real peer's program. */
export function programOf(name: string): string {
  const program = find(name).program;
  if (program) return program;
  throw new Error(`${name} is not here: ${find(name).note}`);
}

/** Registers a test that needs these real peers. */
export function realTest(
  name: string,
  needs: readonly string[],
  work: (context: Deno.TestContext) => Promise<void>,
): void {
  const missing = needs.map(find).filter(({ program }) => program === null);
  for (const peer of missing) print(`ignored: ${name}: no ${peer.name}: ${peer.note}`);
  Deno.test({ name, ignore: missing.length > 0, fn: work });
}

function find(name: string): Peer {
  const found = testbed.peers.find((peer) => peer.name === name);
  if (found) return found;
  throw new Error(`${STATE_FILE} does not speak of ${name}`);
}

function readTestbed(): Testbed {
  try {
    return JSON.parse(Deno.readTextFileSync(STATE_FILE));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`There is no ${STATE_FILE}: run these tests with deno task test:real`);
  }
}
