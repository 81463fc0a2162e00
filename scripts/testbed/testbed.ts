/** What a running testbed is, as its file says. */
import { type Daemon, runningOf } from "./daemons.ts";
import type { RunningNodes } from "./nodes/start.ts";
import type { Peer } from "./peer.ts";
import type { RunningKubernetes } from "./services/kubernetes.ts";
import type { RunningMinio } from "./services/minio.ts";
import type { RunningOpenBao } from "./services/openbao.ts";
import type { RunningPrometheus } from "./services/prometheus.ts";

export const FOLDER = "reports/testbed";
export const STATE_FILE = `${FOLDER}/testbed.json`;

export interface Testbed {
  readonly peers: readonly Peer[];
  readonly daemons: readonly Daemon[];
  /** Absent is what could not be had. */
  readonly kubernetes: RunningKubernetes | null;
  readonly oldestKubernetes: RunningKubernetes | null;
  /** Absent unless they were asked for. */
  readonly nodes: RunningNodes | null;
  readonly oldestNodes: RunningNodes | null;
  readonly openbao: RunningOpenBao | null;
  readonly minio: RunningMinio | null;
  readonly prometheus: RunningPrometheus | null;
}

/** null when nothing was brought up. */
export async function readTestbed(): Promise<Testbed | null> {
  try {
    return JSON.parse(await Deno.readTextFile(STATE_FILE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** null unless every one of its processes runs. */
export async function runningTestbed(): Promise<Testbed | null> {
  const found = await readTestbed();
  if (!found || found.daemons.length === 0) return null;
  const { length } = await runningOf(found.daemons);
  return length === found.daemons.length ? found : null;
}

export async function writeTestbed(testbed: Testbed): Promise<void> {
  await Deno.writeTextFile(STATE_FILE, JSON.stringify(testbed, null, 2), { mode: 0o600 });
}
