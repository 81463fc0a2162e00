/** Prometheus and a node exporter over TLS on loopback; beside them vmagent, which feeds VictoriaMetrics. */
import { stringify } from "yaml";
import { freePort } from "../ports.ts";
import { answersOk, untilReady, withClient } from "../readiness.ts";
import type { Service } from "./service.ts";

export interface MetricsPrograms {
  readonly prometheus: string;
  readonly nodeExporter: string;
}

export interface RunningPrometheus {
  readonly url: string;
  readonly exporterUrl: string;
}

export async function startPrometheus(
  service: Service,
  { prometheus, nodeExporter }: MetricsPrograms,
): Promise<RunningPrometheus> {
  const [port, exporterPort] = [freePort(), freePort()];
  const url = `https://127.0.0.1:${port}`;
  await service.writeCertificate("server", await service.pki.issue("prometheus"));
  await service.write("ca.pem", service.pki.caPem);
  const tls = { tls_server_config: { cert_file: "server.crt", key_file: "server.key" } };
  await service.write("web.yaml", stringify(tls));
  await service.write("prometheus.yaml", stringify(scrapeConfig([port, exporterPort], "ca.pem")));
  await service.start({
    name: "node-exporter",
    program: nodeExporter,
    args: [
      `--web.listen-address=127.0.0.1:${exporterPort}`,
      `--web.config.file=${service.path("web.yaml")}`,
    ],
  });
  const daemon = await service.start({
    name: "prometheus",
    program: prometheus,
    args: [
      `--config.file=${service.path("prometheus.yaml")}`,
      `--web.config.file=${service.path("web.yaml")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      `--storage.tsdb.path=${service.path("data")}`,
    ],
  });
  await withClient(
    service.caller(),
    (client) => untilReady(daemon, service.folder, () => answersOk(`${url}/-/ready`, client)),
  );
  return { url, exporterUrl: `https://127.0.0.1:${exporterPort}` };
}

export interface VictoriaPrograms {
  readonly victoriaMetrics: string;
  readonly vmagent: string;
}

/** @returns the address of VictoriaMetrics, in clear: Debian's version serves no TLS */
export async function startVictoriaMetrics(
  service: Service,
  { victoriaMetrics, vmagent }: VictoriaPrograms,
  { exporterUrl }: RunningPrometheus,
): Promise<{ url: string; vmagentUrl: string }> {
  const [port, agentPort] = [freePort(), freePort()];
  const url = `http://127.0.0.1:${port}`;
  await service.write("ca.pem", service.pki.caPem);
  const target = Number(new URL(exporterUrl).port);
  await service.write(
    "scrape.yaml",
    // It looks for files beside this one.
    stringify({ scrape_configs: scrapeConfig([target], "ca.pem").scrape_configs }),
  );
  const daemon = await service.start({
    name: "victoria-metrics",
    program: victoriaMetrics,
    args: [`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${service.path("data")}`],
  });
  await withClient(
    service.caller(),
    (client) => untilReady(daemon, service.folder, () => answersOk(`${url}/health`, client)),
  );
  await service.start({
    name: "vmagent",
    program: vmagent,
    args: [
      `-httpListenAddr=127.0.0.1:${agentPort}`,
      `-promscrape.config=${service.path("scrape.yaml")}`,
      `-remoteWrite.url=${url}/api/v1/write`,
      `-remoteWrite.tmpDataPath=${service.path("vmagent")}`,
    ],
  });
  return { url, vmagentUrl: `http://127.0.0.1:${agentPort}` };
}

function scrapeConfig(ports: readonly number[], caFile: string) {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: ports.map((port) => ({
      job_name: `port-${port}`,
      scheme: "https",
      scrape_interval: "1s",
      scrape_timeout: "1s",
      tls_config: { ca_file: caFile },
      static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    })),
  };
}
