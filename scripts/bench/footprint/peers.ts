/** The peers' process, as the bench starts it and gives it orders. */
import { linesOf } from "./lines.ts";
import type { PeersEvent, PushOrder } from "./peers_events.ts";
import type { Site } from "./sites.ts";

const PROGRAM = "scripts/bench/footprint/peers_program.ts";

export class Peers {
  readonly #child: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #events: AsyncIterator<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#orders = child.stdin.getWriter();
    this.#events = linesOf(child.stdout);
  }

  /** Resolves when they answer, and each site has its configuration. */
  static async open(sites: readonly Site[]): Promise<Peers> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-P=simulate", "--no-prompt", "--quiet", PROGRAM, JSON.stringify(sites)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const peers = new Peers(child);
    await peers.#next("open");
    return peers;
  }

  /** Resolves when every package has succeeded. */
  async push(order: PushOrder): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
    await this.#next("pushed");
  }

  async close(): Promise<void> {
    await this.#orders.close();
    await this.#child.status;
    await this.#events.return?.();
  }

  async #next(expected: PeersEvent["event"]): Promise<void> {
    const { done, value } = await this.#events.next();
    if (done) throw new Error("the peers have ended");
    const { event }: PeersEvent = JSON.parse(value);
    if (event !== expected) throw new Error(`the peers tell of ${event}, not of ${expected}`);
  }
}
