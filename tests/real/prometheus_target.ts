/** The testbed's Prometheus and VictoriaMetrics as targets of the contract. */
import { freePort } from "../../scripts/testbed/ports.ts";
import { FOLDER } from "../../scripts/testbed/testbed.ts";
import type { PrometheusTarget } from "../contract/prometheus/target.ts";
import { programOf, testbed } from "./peers.ts";
import { RunningProgram } from "./process.ts";
import { untilReady } from "./prometheus_server.ts";

export async function openRealPrometheus(): Promise<PrometheusTarget> {
  return {
    url: testbed.prometheus!.url,
    caPem: await Deno.readTextFile(`${FOLDER}/ca.pem`),
    limited: startLimited,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Debian's serves no TLS. */
export function openVictoriaMetrics(): PrometheusTarget {
  const { address } = testbed.peers.find(({ name }) => name === "victoria-metrics")!;
  return {
    url: address!,
    caPem: null,
    limited: () => Promise.reject(new Error("there is only the one of the testbed")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A server of its own: the limit is a flag. */
async function startLimited(maxSamples: number): Promise<PrometheusTarget> {
  const folder = `reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/prometheus.yaml`, "scrape_configs: []\n");
  const port = freePort();
  const server = new RunningProgram(programOf("prometheus"), {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}/data`,
      `--query.max-samples=${maxSamples}`,
    ],
  });
  const close = async () => {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  };
  await untilReady(server, close);
  return {
    url: `http://127.0.0.1:${port}`,
    caPem: null,
    limited: startLimited,
    [Symbol.asyncDispose]: close,
  };
}
