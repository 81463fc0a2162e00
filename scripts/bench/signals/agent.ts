/** The agent, as the bundle of this checkout with the flags of the binaries, in a process of its own. */
import type { ConfigInput } from "../../../src/config/schema.ts";
import { bundle, writeBundle } from "../../release/bundle.ts";
import { V8_FLAGS } from "../../release/compile.ts";
import { buildFacts, stageSources } from "../../release/staging.ts";
import { freePort } from "../../testbed/ports.ts";
import { ALONE, PERMISSIONS } from "../footprint/programs.ts";
import { metricsOf, type Snapshot, snapshot, sumOf } from "./counters.ts";
import type { Processes } from "./processes.ts";
import type { Sink } from "./sink.ts";
import { until } from "./waiting.ts";

const POINTS = "neuralops_connector_signal_points_total";
const ACKNOWLEDGED = "neuralops_connector_signal_acknowledged_timestamp_seconds";

export type SignalsInput = NonNullable<ConfigInput["signals"]>;

export interface AgentOptions {
  readonly name: string;
  readonly work: string;
  /** What `bundleCheckout` returned, or SOURCE. */
  readonly program: string;
  /** Absent: an agent that streams nothing. */
  readonly prometheus?: NonNullable<ConfigInput["prometheus"]>;
  readonly signals: SignalsInput;
  /** Further keys of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Before the program's path. */
  readonly flags?: readonly string[];
}

/** The agent without a bundle. */
export const SOURCE = "main.ts";

/** Bundles the checkout as a release does; returns the bundle's entry. */
export async function bundleCheckout(work: string): Promise<string> {
  const staged = `${work}/staged`;
  await Deno.mkdir(staged, { recursive: true });
  await stageSources(staged, await buildFacts(undefined));
  await writeBundle(await bundle(staged), `${work}/bundle`);
  await Deno.remove(staged, { recursive: true });
  return `${work}/bundle/main.js`;
}

export class BenchAgent {
  private constructor(
    readonly name: string,
    readonly pid: number,
    private readonly url: string,
    private readonly client: Deno.HttpClient,
    private readonly processes: Processes,
  ) {}

  /** Resolves when it is ready. */
  static async start(options: AgentOptions, processes: Processes, sink: Sink): Promise<BenchAgent> {
    const { name, work, program, prometheus, signals, more = {}, flags = [] } = options;
    const folder = `${work}/${name}`;
    await Deno.mkdir(folder, { recursive: true });
    const write = async (file: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${file}`, text, { mode: 0o600 });
      return `${folder}/${file}`;
    };
    const peers = await sink.peersOf(name);
    const port = freePort();
    const caFile = await write("ca.pem", peers.caPem);
    const config: ConfigInput = {
      clusterName: name,
      stateDir: `${folder}/state`,
      controlPlane: { url: peers.controlPlane, caFile },
      vault: {
        address: peers.vault,
        caFile,
        auth: { method: "token", tokenFile: await write("vault-token", peers.vaultToken) },
      },
      ...(prometheus ? { prometheus } : {}),
      signals,
      adminSocket: false,
      listener: {
        enabled: true,
        address: "127.0.0.1",
        port,
        certFile: await write("listener.crt", peers.listener.certPem),
        keyFile: await write("listener.key", peers.listener.keyPem),
      },
    };
    const configFile = await write("connector.yaml", JSON.stringify({ ...config, ...more }));
    const alone = program === SOURCE ? [] : ALONE;
    // As in binaries.
    const run = [
      "run",
      "--quiet",
      "--no-code-cache",
      V8_FLAGS,
      ...flags,
      ...alone,
      ...PERMISSIONS,
      program,
    ];
    const pid = await processes.start(name, Deno.execPath(), [
      ...run,
      "run",
      "--config",
      configFile,
    ]);
    const client = Deno.createHttpClient({ caCerts: [peers.caPem], http2: false });
    const url = `https://127.0.0.1:${port}`;
    await until(`${name} is ready`, async () => {
      const response = await fetch(`${url}/readyz`, { client });
      await response.body?.cancel();
      return response.ok;
    });
    return new BenchAgent(name, pid, url, client, processes);
  }

  /** Points that the receiver has acknowledged. */
  async samples(): Promise<number> {
    return sumOf(await metricsOf(this.url, this.client), POINTS);
  }

  /** Epoch ms up to which one query has been acknowledged. */
  async acknowledgedMs(query: string): Promise<number> {
    const metrics = await metricsOf(this.url, this.client);
    return 1000 * sumOf(metrics, ACKNOWLEDGED, `query="${query}"`);
  }

  async snapshot(): Promise<Snapshot> {
    return await snapshot(this.pid);
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.processes.stop(this.pid);
  }
}
