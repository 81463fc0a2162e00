/** `status`: how the running connector is. What it prints is written down in docs/runbook.md. */
import { formatDuration } from "../core/duration.ts";
import { describeError, TransientError } from "../errors.ts";
import type { AgentStatus, QueryStatus } from "../http/status.ts";
import type { ExecutionsContext } from "./executions.ts";
import type { ExitCode } from "./io.ts";
import { formatTable, printable, printResult } from "./output.ts";

const PARTS = ["PART", "STATE", "SINCE", "REASON"];
const QUERIES = ["QUERY", "NEWEST", "BEHIND", "HISTORY", "GAPS", "SERIES DROPPED"];
const NONE = "–";

type Context = Pick<ExecutionsContext, "io" | "format"> & {
  readonly client: { status(): Promise<AgentStatus> };
};

/** 0 when every part is well, 1 when one is degraded or stalled, 3 when no connector answers. */
export async function showStatus({ client, io, format }: Context): Promise<ExitCode> {
  let status: AgentStatus;
  try {
    status = await client.status();
  } catch (error) {
    if (!(error instanceof TransientError && error.code === "unavailable")) throw error;
    io.printError(`error: ${describeError(error)}`);
    return 3;
  }
  printResult(io, format, status, () => describe(status));
  return status.ok ? 0 : 1;
}

function describe(status: AgentStatus): string[] {
  const ageOf = (time: string) => formatDuration(Date.parse(status.at) - Date.parse(time));
  return [
    ...fields(heading(status, ageOf)),
    "",
    ...formatTable(
      PARTS,
      status.parts.map(({ name, state, since, reason }) => [name, state, ageOf(since), reason]),
    ),
    "",
    ...(status.queries.length === 0
      ? []
      : [...formatTable(QUERIES, status.queries.map((one) => row(one, ageOf))), ""]),
    ...fields([["Audit log", recordsOf(status)], ["Archive", archiveOf(status)]]),
  ];
}

type AgeOf = (time: string) => string;

function heading(
  { cluster, version, node, registered, ...status }: AgentStatus,
  ageOf: AgeOf,
): [string, string][] {
  const since = (time: string | null) =>
    time === null ? "not registered" : `since ${time} (${ageOf(time)})`;
  const isStandby = status.leadership === "stands_by";
  return [
    ["Cluster", cluster.id === null ? cluster.name : `${cluster.name} (${cluster.id})`],
    ["Version", version],
    ["Leadership", leadershipOf(status)],
    ["Registered", isStandby ? `${NONE} (the leader is)` : since(registered)],
    ...(node === null ? [] : [[
      "Node",
      `${node.name}, ${
        node.registered === null ? "not registered" : `registered ${since(node.registered)}`
      }`,
    ] as [string, string]]),
  ];
}

function leadershipOf({ leadership, leader }: Pick<AgentStatus, "leadership" | "leader">): string {
  switch (leadership) {
    case "alone":
      return "acts alone";
    case "leads":
      return "leads";
    case "stands_by":
      return `stands by; ${leader || "nobody"} leads`;
  }
}

function row({ query, node, newest, behindMs, history, ...rest }: QueryStatus, ageOf: AgeOf) {
  return [
    node === null ? query : `${query} (${node})`,
    newest === null ? NONE : ageOf(newest),
    behindMs === null ? NONE : formatDuration(behindMs),
    history === null || history.pendingMs === 0
      ? NONE
      : `${formatDuration(history.pendingMs)}, about ${formatDuration(history.leftMs)}`,
    gapsOf(rest),
    rest.seriesDropped === null ? NONE : formatCount(rest.seriesDropped),
  ];
}

function gapsOf({ gaps }: Pick<QueryStatus, "gaps">): string {
  if (gaps === null) return "unreadable";
  if (gaps.length === 0) return NONE;
  return gaps.map(({ reason, durationMs, pending }) =>
    `${reason} ${formatDuration(durationMs)}${pending > 0 ? ` (${pending} pending)` : ""}`
  ).join(", ");
}

function recordsOf({ audit: { records, acknowledged } }: AgentStatus): string {
  const held = acknowledged === null ? NONE : formatCount(acknowledged);
  return `${formatCount(records)} records, of which the control plane holds ${held}`;
}

function archiveOf({ audit: { archive } }: AgentStatus): string {
  if (archive === null) return "none is configured";
  const { shipped, waiting } = archive;
  const upTo = shipped === null
    ? "nothing that is here"
    : `up to record ${formatCount(shipped.record)} (${shipped.day})`;
  const waits = waiting === 1 ? "1 sealed segment waits" : `${waiting} sealed segments wait`;
  return `${upTo}; ${waits}`;
}

function fields(all: readonly (readonly [string, string])[]): string[] {
  return all.map(([name, value]) => printable(`${`${name}:`.padEnd(13)}${value}`));
}

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
