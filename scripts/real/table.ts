/** The table at the end of the suite: peer, version, real or embedded, and why. */
import type { Peer } from "./peer.ts";

const HEADINGS = ["PEER", "VERSION", "REAL OR EMBEDDED", "FROM WHERE, OR WHY NOT"];

export function formatPeers(peers: readonly Peer[], embedded: readonly string[]): string {
  const rows = [
    HEADINGS,
    ...peers.map(({ name, version, program, note }) => [
      name,
      version,
      program === null ? "not here" : "real",
      note,
    ]),
    ...embedded.map((name) => [name, "-", "embedded", "no real server is part of this suite"]),
  ];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
    .join("\n");
}
