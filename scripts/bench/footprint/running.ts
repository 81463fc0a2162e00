/** A measured process, from its start to its end. */
import type { Program } from "./programs.ts";
import type { Site } from "./sites.ts";

const POLL_MS = 3;
const PATIENCE_MS = 60_000;

export interface StartTimes {
  /** From before the process was made until it answered anything: all of its own work is done. */
  readonly answeringMs: number;
  /** Until it was ready: registered, which takes calls to Vault, the cluster and the control plane. */
  readonly readyMs: number;
}

export class Running {
  private constructor(
    private readonly child: Deno.ChildProcess,
    readonly times: StartTimes,
  ) {}

  get pid(): number {
    return this.child.pid;
  }

  /** Resolves when it is ready: for an agent when its readiness probe says so, with its peers there. */
  static async start(program: Program, site: Site): Promise<Running> {
    const log = await Deno.open(`${site.folder}/log`, { create: true, write: true, append: true });
    const probe = await openProbe(program, site);
    const { program: path, args } = program.command(site);
    const beginMs = performance.now();
    const child = new Deno.Command(path, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    child.stderr.pipeTo(log.writable).catch(() => {});
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    const since = () => performance.now() - beginMs;
    const until = async (holds: () => Promise<boolean>) => {
      while (!await holds()) {
        if (hasEnded || since() > PATIENCE_MS) {
          throw new Error(`${program.name} did not start; ${site.folder}/log says why`);
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return since();
    };
    await until(() => accepts(site.port));
    const answeringMs = await until(() => probe.get("/livez"));
    const readyMs = await until(() => probe.get("/readyz"));
    probe.close();
    return new Running(child, { answeringMs, readyMs });
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.status;
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

async function openProbe({ floor }: Program, { folder, port }: Site) {
  const isAgent = floor !== null;
  const client = Deno.createHttpClient({
    http2: false,
    ...(isAgent ? { caCerts: [await Deno.readTextFile(`${folder}/ca.pem`)] } : {}),
  });
  return {
    async get(path: string): Promise<boolean> {
      const url = `${isAgent ? "https" : "http"}://127.0.0.1:${port}${path}`;
      const response = await fetch(url, { client });
      await response.body?.cancel();
      return response.ok;
    },
    close: () => client.close(),
  };
}
