/** Which real peers `scripts/real/main.ts` found; tests that need an absent one say so and are ignored. */
import type { Peer } from "../../scripts/real/peer.ts";
import { print } from "../../scripts/real/print.ts";

const PATH = "./reports/real/peers.json";

const peers = readPeers();

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
  const found = peers.find((peer) => peer.name === name);
  if (found) return found;
  throw new Error(`${PATH} does not speak of ${name}: run deno task test:real`);
}

function readPeers(): Peer[] {
  try {
    return JSON.parse(Deno.readTextFileSync(PATH));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`There is no ${PATH}: run these tests with deno task test:real`);
  }
}
