/** What a running testbed is, as its file says. */
import type { Daemon } from "./daemons.ts";
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

export async function writeTestbed(testbed: Testbed): Promise<void> {
  await Deno.writeTextFile(STATE_FILE, JSON.stringify(testbed, null, 2), { mode: 0o600 });
}
