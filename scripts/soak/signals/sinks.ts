/** Where the agent streams to in a soak, and how that fails: the control plane, or a Prometheus. */
import { stringify } from "yaml";
import type { EmbeddedControlPlane } from "../../../src/embedded/control_plane/start.ts";
import type { Pki } from "../../../src/embedded/pki.ts";
import { RunningProgram } from "../../../tests/real/process.ts";
import { FaultProxy } from "../../testbed/fault_proxy.ts";
import { freePort } from "../../testbed/ports.ts";

export type SinkKind = "signals" | "remoteWrite";

export interface SoakSink extends AsyncDisposable {
  readonly kind: SinkKind;
  /** Before it. */
  readonly proxy: FaultProxy;
  /** Where it listens itself. */
  readonly url: string;
  /** What the agent's configuration says of it besides the control plane. */
  readonly config: { readonly top: object; readonly signals: object };
  down(): Promise<void>;
  up(): Promise<void>;
  /** It is there, and does nothing for anyone. */
  fail(): void;
  mend(): void;
}

export async function controlPlaneSink(controlPlane: EmbeddedControlPlane): Promise<SoakSink> {
  const { server } = controlPlane;
  const proxy = await FaultProxy.start(controlPlane.url);
  controlPlane.advertise(proxy.url);
  return {
    kind: "signals",
    proxy,
    url: controlPlane.url,
    config: { top: {}, signals: {} },
    down: () => server.stop(),
    up: () => Promise.resolve(server.start()),
    fail: () => server.faults.answer(503),
    mend: () => server.faults.clear(),
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}

/**
 * A Prometheus that takes remote write and scrapes nothing, as one is by default: it refuses what is
 * older than the newest sample of a series.
 * @param folder an empty folder of its own
 */
export async function prometheusSink(
  folder: string,
  program: string,
  pki: Pki,
  caFile: string,
): Promise<SoakSink> {
  const { certPem, keyPem } = await pki.issue("soaked receiver");
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  await write("server.crt", certPem);
  await write("server.key", keyPem);
  const tls = { tls_server_config: { cert_file: "server.crt", key_file: "server.key" } };
  await write("web.yaml", stringify(tls));
  await write("prometheus.yaml", "scrape_configs: []\n");
  const url = `https://127.0.0.1:${freePort()}`;
  const start = async () => {
    const server = new RunningProgram(program, {
      args: [
        `--config.file=${folder}/prometheus.yaml`,
        `--web.config.file=${folder}/web.yaml`,
        `--web.listen-address=${new URL(url).host}`,
        "--web.enable-remote-write-receiver",
        `--storage.tsdb.path=${folder}/data`,
        "--storage.tsdb.retention.time=100y",
      ],
    });
    await server.until(
      "the receiver is ready",
      (line) => line.includes("Server is ready to receive web requests") || undefined,
    );
    return server;
  };
  let server = await start();
  const proxy = await FaultProxy.start(url);
  const remoteWrite = { url: `${proxy.url}/api/v1/write`, caFile, timeout: "2s" };
  return {
    kind: "remoteWrite",
    proxy,
    url,
    config: { top: { remoteWrite }, signals: { sink: "remoteWrite" } },
    down: () => server.kill(),
    up: async () => void (server = await start()),
    fail: () => server.pause(),
    mend: () => server.resume(),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      server.resume();
      await server.stop();
    },
  };
}
