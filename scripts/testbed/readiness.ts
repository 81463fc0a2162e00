/** Waiting for servers, and speaking to them over TLS of the testbed's CA. */
import { type Daemon, isRunning, tailOf } from "./daemons.ts";

const LIMIT_MS = 120_000;
const POLL_MS = 100;

export interface Caller {
  readonly caPem: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

/** One look at the list of processes may fall into the moment in which a program takes the shell's place. */
const LOOKS = 3;

/** With its last words. */
export class DaemonEnded extends Error {}

/** Polls until `isReady`; throws with the daemon's last words, DaemonEnded or after two minutes. */
export async function untilReady(
  daemon: Daemon,
  folder: string,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (let missed = 0;;) {
    if (await isReady().catch(() => false)) return;
    missed = await isRunning(daemon) ? 0 : missed + 1;
    const said = async (what: string) =>
      `${daemon.name} ${what}:\n${await tailOf(daemon.name, folder)}`;
    if (missed === LOOKS) throw new DaemonEnded(await said("has ended"));
    if (Date.now() > deadline) throw new Error(await said("is not ready in time"));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** One client for the length of `work`. */
export async function withClient<T>(
  { caPem, certPem, keyPem }: Caller,
  work: (client: Deno.HttpClient) => Promise<T>,
): Promise<T> {
  const identity = certPem && keyPem ? { cert: certPem, key: keyPem } : {};
  const client = Deno.createHttpClient({ caCerts: [caPem], ...identity });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Whether a GET is answered with 200. */
export async function answersOk(url: string, client: Deno.HttpClient): Promise<boolean> {
  const response = await fetch(url, { client });
  await response.body?.cancel();
  return response.ok;
}
