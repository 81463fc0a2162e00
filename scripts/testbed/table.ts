/** Peers for people: what is there, where, and why something is not. */
import type { Peer } from "./peer.ts";

const HEADINGS = ["PEER", "VERSION", "REAL", "ADDRESS", "FROM WHERE, OR WHY NOT"];

export function formatPeers(peers: readonly Peer[]): string {
  const rows = [
    HEADINGS,
    ...peers.map(({ name, version, program, address, note }) => [
      name,
      version,
      program === null ? "no" : "yes",
      address ?? "-",
      note,
    ]),
  ];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
    .join("\n");
}
