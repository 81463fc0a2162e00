/** What people use today: Prometheus scraping, with remote write, in agent mode, and vmagent; all Debian's. */
import { stringify } from "yaml";
import { freePort } from "../../testbed/ports.ts";
import { TARGETS } from "./exporter_series.ts";
import type { Processes } from "./processes.ts";
import { until } from "./waiting.ts";

export interface Sender {
  readonly name: string;
  readonly pid: number;
  /** Of its API and metrics. */
  readonly url: string;
  /** The counter of its samples: those sent, or those scraped where nothing is sent. */
  readonly counter: string;
}

export interface SenderPrograms {
  readonly prometheus: string;
  readonly vmagent: string;
}

export interface SenderOptions {
  readonly work: string;
  readonly exporterUrl: string;
  readonly sinkUrl: string;
  readonly intervalSeconds: number;
}

const SCRAPED = "prometheus_tsdb_head_samples_appended_total";
const SENT = "prometheus_remote_storage_samples_total";

export class Senders {
  constructor(
    private readonly programs: SenderPrograms,
    private readonly options: SenderOptions,
    private readonly processes: Processes,
  ) {}

  async scraping(name: string): Promise<Sender> {
    return await this.#prometheus(name, { remoteWrite: false, agentMode: false });
  }

  async remoteWrite(): Promise<Sender> {
    return await this.#prometheus("remote-write", { remoteWrite: true, agentMode: false });
  }

  async agentMode(): Promise<Sender> {
    return await this.#prometheus("agent-mode", { remoteWrite: true, agentMode: true });
  }

  async vmagent(): Promise<Sender> {
    const { work, sinkUrl } = this.options;
    const folder = `${work}/vmagent`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/scrape.yaml`, stringify(this.#scrapeConfig()));
    const url = `http://127.0.0.1:${freePort()}`;
    const pid = await this.processes.start("vmagent", this.programs.vmagent, [
      `-httpListenAddr=${new URL(url).host}`,
      `-promscrape.config=${folder}/scrape.yaml`,
      `-remoteWrite.url=${sinkUrl}/write/vmagent`,
      `-remoteWrite.tmpDataPath=${folder}/data`,
    ]);
    await isUp("vmagent", `${url}/health`);
    return { name: "vmagent", pid, url, counter: "vmagent_remotewrite_block_size_rows_sum" };
  }

  async #prometheus(
    name: string,
    { remoteWrite, agentMode }: { remoteWrite: boolean; agentMode: boolean },
  ): Promise<Sender> {
    const { work, sinkUrl } = this.options;
    const folder = `${work}/${name}`;
    await Deno.mkdir(folder, { recursive: true });
    const remote = { remote_write: [{ url: `${sinkUrl}/write/${name}` }] };
    const config = { ...this.#scrapeConfig(), ...(remoteWrite ? remote : {}) };
    await Deno.writeTextFile(`${folder}/prometheus.yaml`, stringify(config));
    const url = `http://127.0.0.1:${freePort()}`;
    const storage = agentMode
      ? ["--enable-feature=agent", `--storage.agent.path=${folder}/data`]
      : [`--storage.tsdb.path=${folder}/data`];
    const pid = await this.processes.start(name, this.programs.prometheus, [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.listen-address=${new URL(url).host}`,
      ...storage,
    ]);
    await isUp(name, `${url}/-/ready`);
    return { name, pid, url, counter: remoteWrite ? SENT : SCRAPED };
  }

  #scrapeConfig() {
    const { exporterUrl, intervalSeconds } = this.options;
    const { host } = new URL(exporterUrl);
    return {
      global: { scrape_interval: `${intervalSeconds}s`, scrape_timeout: `${intervalSeconds}s` },
      scrape_configs: Array.from({ length: TARGETS }, (_, target) => ({
        job_name: `job-${target}`,
        metrics_path: `/target/${target}/metrics`,
        static_configs: [{ targets: [host], labels: { instance: `10.0.${target}.17:9100` } }],
      })),
    };
  }
}

async function isUp(name: string, url: string): Promise<void> {
  await until(`${name} is up`, async () => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  });
}
