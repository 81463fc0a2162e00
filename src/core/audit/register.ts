/**
 * The register of chains: each connector that acts for a cluster has a chain of its own, and whoever
 * leads says which others there were, so that one that is missing is noticed.
 */
export const CHAINS = "audit.chains";

/** What one record, one annotation and one heartbeat hold with ease; the oldest go first. */
const MAX_CHAINS = 500;
const CHAIN_ID = /^[0-9a-f]{64}$/;

/** The register with this chain in it, in the order in which they came. Strangers' text is left out. */
export function withChain(chains: Iterable<string>, chain: string): string[] {
  const known = new Set([...chains].filter((one) => CHAIN_ID.test(one)));
  return [...known.add(chain)].slice(-MAX_CHAINS);
}

/** As an annotation has it: ids with spaces between. */
export function parseChains(text: unknown): string[] {
  if (typeof text !== "string") return [];
  return [...new Set(text.split(/\s+/).filter((one) => CHAIN_ID.test(one)))].slice(-MAX_CHAINS);
}
