/** An archive that holds the logs of several connectors: which there are, and which there should be. */
import { checkpointOrigin, readCheckpoint } from "../core/audit/checkpoint.ts";
import type { AuditRecord } from "../core/audit/record.ts";
import { CHAINS } from "../core/audit/register.ts";
import { parseShippedKey } from "../core/audit/segment.ts";
import { RefusedError } from "../errors.ts";
import type { ArchiveSource } from "./audit_source.ts";

/** In the order of their ids. */
export async function chainsIn({ archive, prefix }: ArchiveSource): Promise<string[]> {
  const chains = new Set<string>();
  for await (const { key } of archive.versions(prefix === "" ? "" : `${prefix}/`)) {
    const name = parseShippedKey(prefix, key);
    if (name) chains.add(name.chainId);
  }
  return [...chains].sort();
}

/** Of which chain a checkpoint says that it is; null for another kind of log. */
export function chainOfCheckpoint(note: string): string | null {
  const start = checkpointOrigin(new Uint8Array()).replace(/[0-9a-f]{64}$/, "");
  const { origin } = readCheckpoint(note);
  const chain = origin.startsWith(start) ? origin.slice(start.length) : "";
  return /^[0-9a-f]{64}$/.test(chain) ? chain : null;
}

/** What the records of one chain say of it and of others. */
export class ChainWitness {
  /** All that this chain's register ever named. */
  readonly named = new Set<string>();
  #lastType = "";

  visit({ type, data }: AuditRecord): void {
    if (type === CHAINS && Array.isArray(data["chains"])) {
      for (const chain of data["chains"]) this.named.add(chain);
    }
    if (!type.startsWith("audit.")) this.#lastType = type;
  }

  /** Whether the last thing that it did was to stop. */
  get hasStopped(): boolean {
    return this.#lastType === "agent.stopped";
  }
}

export interface JudgedChain {
  readonly chain: string;
  readonly lastDay: string;
  readonly hasStopped: boolean;
}

/**
 * Chains that ended while another went on for more than a day, and do not say that they stopped: what
 * came after their last sealed day never reached the archive.
 */
export function endedWithoutReason(chains: readonly JudgedChain[]): string[] {
  const newest = chains.map(({ lastDay }) => lastDay).sort().at(-1) ?? "";
  const limit = newest === "" ? "" : dayBefore(newest);
  return chains.filter(({ lastDay, hasStopped }) => lastDay < limit && !hasStopped)
    .map(({ chain }) => chain);
}

function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

/** Throws RefusedError `audit_broken` when a register names a chain that is not here. */
export function requireNamed(named: ReadonlyMap<string, string>, found: readonly string[]): void {
  const missing = [...named].filter(([chain]) => !found.includes(chain));
  if (missing.length === 0) return;
  const [chain, by] = missing[0]!;
  const others = missing.length === 1 ? "" : `, and ${missing.length - 1} more`;
  throw new RefusedError(
    "audit_broken",
    `The whole log of chain ${chain} is missing${others}: ${by} names it`,
    {
      hint:
        "look for its pod's state directory, and at who may delete in the bucket; a chain that was never shipped had no sealed day",
    },
  );
}
