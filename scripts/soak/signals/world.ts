/** Everything of a soak that runs: source, receiver, the proxies before them, the agent. */
import type { ConfigInput } from "../../../src/config/schema.ts";
import { fetchIdentityKeys } from "../../../src/embedded/control_plane/registrar.ts";
import {
  type EmbeddedControlPlane,
  startControlPlane,
} from "../../../src/embedded/control_plane/start.ts";
import { createPki } from "../../../src/embedded/pki.ts";
import { startVault } from "../../../src/embedded/vault.ts";
import { systemClock } from "../../../src/runtime_deno.ts";
import { KNOWN_STEP_MS, knownSeries } from "../../../tests/real/known_data.ts";
import { FaultProxy } from "../../testbed/fault_proxy.ts";
import { SoakAgent } from "./agent.ts";
import { exposition, MAX_SERIES, QUERIES } from "./data.ts";
import { controlPlaneSink, prometheusSink, type SinkKind, type SoakSink } from "./sinks.ts";
import { type PrometheusPrograms, SoakPrometheus } from "./prometheus.ts";

/** Longer than Prometheus ever hangs here, by more than the second to which it tells its time. */
const SETTLE_MS = 5000;
const WINDOW_MS = 5000;
/** What there is to be sent before the beginning. */
const KNOWN_MS = 360_000;

export interface World {
  readonly prometheus: SoakPrometheus;
  readonly prometheusProxy: FaultProxy;
  readonly controlPlane: EmbeddedControlPlane;
  /** Where the agent streams to. */
  readonly sink: SoakSink;
  readonly agent: SoakAgent;
  /** That all of them trust. */
  readonly caPem: string;
  /** Of the agent. */
  readonly stateDir: string;
  close(): Promise<void>;
}

/** @param folder exists, below `./state`: the agent may write nowhere else */
export async function openWorld(
  folder: string,
  programs: PrometheusPrograms,
  sinkKind: SinkKind,
): Promise<World> {
  const clock = systemClock();
  const pki = await createPki();
  await using opened = new AsyncDisposableStack();
  const vault = await startVault({ pki, clock });
  opened.defer(() => vault.close());
  const controlPlane = await startControlPlane({
    pki,
    clock,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
  });
  opened.defer(() => controlPlane.close());
  const exporter = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () =>
      new Response(exposition(Math.floor(Date.now() / 1000)), {
        headers: { "content-type": "text/plain; version=0.0.4" },
      }),
  );
  opened.defer(() => exporter.shutdown());
  const nowMs = Math.floor(Date.now() / KNOWN_STEP_MS) * KNOWN_STEP_MS;
  const prometheus = await SoakPrometheus.start(
    await newFolder(`${folder}/prometheus`),
    programs,
    pki,
    knownSeries(nowMs - 2 * KNOWN_MS, nowMs - 2 * KNOWN_STEP_MS),
    `127.0.0.1:${exporter.addr.port}`,
  );
  opened.defer(() => prometheus.close());
  const prometheusProxy = await FaultProxy.start(prometheus.url);
  opened.defer(() => prometheusProxy.close());
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    return `${folder}/${name}`;
  };
  const caFile = await write("ca.pem", pki.caPem);
  const sink = opened.use(
    sinkKind === "signals" ? await controlPlaneSink(controlPlane) : await prometheusSink(
      await newFolder(`${folder}/receiver`),
      programs.prometheus,
      pki,
      caFile,
    ),
  );
  const stateDir = `${folder}/state`;
  const config: ConfigInput = {
    clusterName: "soak",
    stateDir,
    controlPlane: {
      url: sinkKind === "signals" ? sink.proxy.url : controlPlane.url,
      caFile,
      timeout: "2s",
    },
    vault: {
      address: vault.url,
      caFile,
      auth: { method: "token", tokenFile: await write("vault-token", vault.createToken()) },
    },
    prometheus: { url: prometheusProxy.url, caFile, timeout: "2s" },
    signals: {
      queries: QUERIES.map(({ name, expr, stepMs }) => ({ name, expr, step: `${stepMs}ms` })),
      window: `${WINDOW_MS}ms`,
      settle: `${SETTLE_MS}ms`,
      startFrom: `${KNOWN_MS}ms`,
      maxSeries: MAX_SERIES,
      ...sink.config.signals,
    },
    adminSocket: false,
    ...sink.config.top,
  };
  const configPath = await write("connector.yaml", JSON.stringify(config, null, 2));
  const agent = await SoakAgent.start(configPath, folder);
  opened.defer(() => agent.kill());
  const running = opened.move();
  return {
    ...{ prometheus, prometheusProxy, controlPlane, sink, agent, stateDir },
    caPem: pki.caPem,
    close: () => running.disposeAsync(),
  };
}

async function newFolder(path: string): Promise<string> {
  await Deno.mkdir(path);
  return path;
}
