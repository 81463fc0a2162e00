/** One suite, two targets: what a peer must do is written once, and asked of the embedded and of the real one. */

export interface ContractTest<Target> {
  /** A sentence whose subject is the peer, or the adapter that speaks to it. */
  readonly name: string;
  run(target: Target): Promise<void>;
}

const POLL_MS = 50;

/** Asks the real world again and again; throws when the condition does not hold within the limit. */
export async function poll(
  what: string,
  limitMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
