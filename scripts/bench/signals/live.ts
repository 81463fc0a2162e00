/**
 * All senders and our agents at the same time, on the same series, into the same receiver: what each costs
 * for a million samples. Two Prometheus servers only scrape; our agents ask one of them, so that the
 * difference between the two is what the queries cost, at the very same moments.
 */
import { BenchAgent, type SignalsInput } from "./agent.ts";
import { metricsOf, type Snapshot, snapshot, sumOf } from "./counters.ts";
import { FAMILIES, SERIES } from "./exporter_series.ts";
import type { Processes } from "./processes.ts";
import type { Sender, Senders } from "./senders.ts";
import type { Counts, Sink } from "./sink.ts";
import { pause, until } from "./waiting.ts";

/** Names of agents, and of what the receiver counts of them. */
export type SinkName = "signals" | "remote";

export interface LiveOptions {
  readonly work: string;
  readonly program: string;
  readonly seconds: number;
  readonly stepSeconds: number;
  readonly windowSeconds: number;
  readonly sinks: readonly SinkName[];
  /** Before the agents' program. */
  readonly flags: readonly string[];
  readonly progress: (what: string) => void;
}

export interface Cost {
  readonly name: string;
  /** Sent; or only scraped, where nothing is sent. */
  readonly samples: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  /** null where nothing is sent. */
  readonly sent: Counts | null;
}

export interface Live {
  readonly seconds: number;
  readonly stepSeconds: number;
  readonly windowSeconds: number;
  readonly scraping: Cost;
  /** The same, and answering our agents. */
  readonly queried: Cost;
  readonly remoteWrite: Cost;
  readonly agentMode: Cost;
  readonly vmagent: Cost;
  /** The agents that stream, by where they stream to. */
  readonly ours: readonly Cost[];
  /** An agent that streams nothing. */
  readonly idle: Cost;
}

/** The others are compiled; what a new process compiles while it runs is no part of what a day costs. */
const WARM_UP_WINDOWS = 2;
/** Two scrapes: what Prometheus has by then, it has whole. */
const SETTLE_STEPS = 2;
/** After that, until a window was surely sent: nothing is under way then. */
const QUIET_MS = 15_000;

interface Party {
  readonly name: string;
  samples(): Promise<number>;
  snapshot(): Promise<Snapshot>;
}

export async function measureLive(
  senders: Senders,
  processes: Processes,
  sink: Sink,
  options: LiveOptions,
): Promise<Live> {
  const { seconds, stepSeconds, windowSeconds, progress } = options;
  const scraping = await senders.scraping("scraping");
  const queried = await senders.scraping("queried");
  const remoteWrite = await senders.remoteWrite();
  const agentMode = await senders.agentMode();
  const vmagent = await senders.vmagent();
  const { work, program } = options;
  const agents = await startAgents(queried, processes, sink, options);
  const idle = await BenchAgent.start(
    { name: "idle", work, program, signals: {} },
    processes,
    sink,
  );
  try {
    const parties = [
      ...[scraping, queried, remoteWrite, agentMode, vmagent].map(partyOf),
      ...agents,
      idle,
    ];
    progress(`warming up: until every agent has sent ${WARM_UP_WINDOWS} windows`);
    const warm = WARM_UP_WINDOWS * SERIES * windowSeconds / stepSeconds;
    await until("the first windows of every agent", async () => {
      const points = await Promise.all(agents.map((agent) => agent.samples()));
      return points.every((count) => count >= warm);
    });
    const beginMs = await untilQuiet(options, Date.now());
    progress(`measuring for ${seconds} s`);
    const before = await readAll(parties, sink);
    const begunMs = performance.now();
    await untilQuiet(options, beginMs + seconds * 1000);
    const after = await readAll(parties, sink);
    const costOf = ({ name }: Pick<Party, "name">) => difference(name, before, after);
    return {
      seconds: (performance.now() - begunMs) / 1000,
      stepSeconds,
      windowSeconds,
      scraping: costOf(scraping),
      queried: costOf(queried),
      remoteWrite: costOf(remoteWrite),
      agentMode: costOf(agentMode),
      vmagent: costOf(vmagent),
      ours: agents.map(costOf),
      idle: costOf(idle),
    };
  } finally {
    for (const agent of [...agents, idle]) await agent.stop();
  }
}

async function startAgents(
  source: Sender,
  processes: Processes,
  sink: Sink,
  { work, program, stepSeconds, windowSeconds, sinks, flags }: LiveOptions,
): Promise<BenchAgent[]> {
  const signals: SignalsInput = {
    queries: FAMILIES.map(({ name }) => ({
      name: name.replaceAll("_", "-"),
      expr: name,
      step: `${stepSeconds}s`,
    })),
    window: `${windowSeconds}s`,
    settle: `${SETTLE_STEPS * stepSeconds}s`,
    startFrom: `${windowSeconds}s`,
  };
  // In the clear and in version 1.0, as the others send.
  const remoteWrite = { url: `${sink.url}/write/remote`, allowPlainHttp: true, protocol: "1.0" };
  const more: Record<SinkName, Record<string, unknown>> = {
    signals: {},
    remote: { signals: { ...signals, sink: "remoteWrite" }, remoteWrite },
  };
  const prometheus = { url: source.url, allowPlainHttp: true };
  const agents: BenchAgent[] = [];
  for (const name of sinks) {
    const options = { name, work, program, prometheus, signals, flags, more: more[name] };
    agents.push(await BenchAgent.start(options, processes, sink));
  }
  return agents;
}

function partyOf({ name, pid, url, counter }: Sender): Party {
  return {
    name,
    samples: async () => sumOf(await metricsOf(url), counter),
    snapshot: () => snapshot(pid),
  };
}

/**
 * Half-way between two windows, so that none is counted in part: the first such moment from `fromMs` on,
 * epoch ms.
 */
async function untilQuiet(
  { stepSeconds, windowSeconds }: LiveOptions,
  fromMs: number,
): Promise<number> {
  const windowMs = windowSeconds * 1000;
  const quietMs = SETTLE_STEPS * stepSeconds * 1000 + QUIET_MS;
  const atMs = Math.ceil((fromMs - quietMs) / windowMs) * windowMs + quietMs;
  await pause(atMs - Date.now());
  return atMs;
}

type Reading = Snapshot & { readonly samples: number; readonly sent: Counts | null };

async function readAll(
  parties: readonly Party[],
  sink: Sink,
): Promise<ReadonlyMap<string, Reading>> {
  const counts = await sink.counts();
  const read = async (party: Party): Promise<[string, Reading]> => {
    const { name } = party;
    const [samples, taken] = await Promise.all([party.samples(), party.snapshot()]);
    return [name, { ...taken, samples, sent: counts[name] ?? null }];
  };
  return new Map(await Promise.all(parties.map(read)));
}

function difference(
  name: string,
  before: ReadonlyMap<string, Reading>,
  after: ReadonlyMap<string, Reading>,
): Cost {
  const [from, to] = [before.get(name)!, after.get(name)!];
  return {
    name,
    samples: to.samples - from.samples,
    cpuMs: to.cpuMs - from.cpuMs,
    peakMiB: to.peakMiB,
    sent: to.sent && {
      bytes: to.sent.bytes - (from.sent?.bytes ?? 0),
      requests: to.sent.requests - (from.sent?.requests ?? 0),
    },
  };
}
