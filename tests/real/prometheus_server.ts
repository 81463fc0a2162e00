/** A real Prometheus over TLS on loopback, which scrapes itself and a real node exporter. */
import { stringify } from "yaml";
import type { Pki } from "../../src/embedded/pki.ts";
import { type KnownSeries, toOpenMetrics } from "./known_data.ts";
import { freePort } from "../../scripts/testbed/ports.ts";
import { programOf } from "./peers.ts";
import { RunningProgram, runToEnd } from "./process.ts";

export interface RealPrometheus {
  readonly url: string;
  /** Plain fetch and JSON.parse: what the server itself says, past all of our code. */
  queryRange(expr: string, range: Range): Promise<PrometheusSeries[]>;
  close(): Promise<void>;
}

export interface Range {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

export interface PrometheusSeries {
  readonly metric: Record<string, string>;
  /** Seconds and text. */
  readonly values: readonly (readonly [number, string])[];
}

/** @param folder an empty folder of its own */
export async function startPrometheus(
  folder: string,
  pki: Pki,
  known: readonly KnownSeries[],
): Promise<RealPrometheus> {
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  const { certPem, keyPem } = await pki.issue("real prometheus");
  const tls = { tls_server_config: { cert_file: "server.crt", key_file: "server.key" } };
  const [port, exporterPort] = [freePort(), freePort()];
  const job = (name: string, target: number) => ({
    job_name: name,
    scheme: "https",
    tls_config: { ca_file: "ca.pem" },
    static_configs: [{ targets: [`127.0.0.1:${target}`] }],
  });
  await Deno.mkdir(`${folder}/data`, { recursive: true });
  await write("server.crt", certPem);
  await write("server.key", keyPem);
  await write("ca.pem", pki.caPem);
  await write("web.yaml", stringify(tls));
  await write(
    "prometheus.yaml",
    stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [job("prometheus", port), job("node", exporterPort)],
    }),
  );
  await write("known.txt", toOpenMetrics(known));
  const blocks = await runToEnd(programOf("promtool"), {
    args: ["tsdb", "create-blocks-from", "openmetrics", `${folder}/known.txt`, `${folder}/data`],
  });
  if (blocks.code !== 0) throw new Error(`promtool: ${blocks.stdout}\n${blocks.stderr}`);

  const exporter = new RunningProgram(programOf("node exporter"), {
    args: [
      `--web.listen-address=127.0.0.1:${exporterPort}`,
      `--web.config.file=${folder}/web.yaml`,
      "--collector.disable-defaults",
      "--collector.cpu",
      "--collector.meminfo",
      "--collector.loadavg",
    ],
  });
  const server = new RunningProgram(programOf("prometheus"), {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.config.file=${folder}/web.yaml`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}/data`,
      "--storage.tsdb.retention.time=100y",
    ],
  });
  const client = Deno.createHttpClient({ caCerts: [pki.caPem] });
  const url = `https://127.0.0.1:${port}`;
  const close = async () => {
    client.close();
    await server.stop();
    await exporter.stop();
  };
  await untilReady(server, close);
  return {
    url,
    close,
    async queryRange(expr, { startMs, endMs, stepMs }) {
      const query = new URLSearchParams({
        query: expr,
        start: String(startMs / 1000),
        end: String(endMs / 1000),
        step: String(stepMs / 1000),
      });
      const response = await fetch(`${url}/api/v1/query_range?${query}`, { client });
      const answer = await response.json();
      if (answer.status !== "success") throw new Error(`query_range: ${JSON.stringify(answer)}`);
      return answer.data.result;
    },
  };
}

/** Closes everything, and throws, when the server does not get ready. */
export async function untilReady(
  server: RunningProgram,
  close: () => Promise<void>,
): Promise<void> {
  try {
    await server.until(
      "Prometheus is ready",
      (line) => line.includes("Server is ready to receive web requests") || undefined,
    );
  } catch (error) {
    await close();
    throw error;
  }
}
