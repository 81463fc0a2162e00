/**
 * A real Prometheus that can be killed, hung and started again on its data; it begins with a block that is
 * known to the last digit, and scrapes each second. Beside it a reader of its own: plain fetch and
 * JSON.parse, past all of the connector's code.
 */
import { stringify } from "yaml";
import type { Pki } from "../../../src/embedded/pki.ts";
import { type KnownSeries, toOpenMetrics } from "../../../tests/real/known_data.ts";
import { RunningProgram, runToEnd } from "../../../tests/real/process.ts";
import { freePort } from "../../testbed/ports.ts";
import { type Points, putSeries, type RangeSeries } from "./points.ts";
import type { SoakQuery } from "./data.ts";
import type { Span } from "./oracle.ts";

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

const MAX_STEPS = 10_000;
/**
 * After a kill -9 nobody marks series that have ended: for so long they seem to go on. In the default of
 * 5 min one kill would make a whole soak of those that end in a gap.
 */
const LOOKBACK = "20s";

export class SoakPrometheus {
  readonly url: string;
  readonly #client: Deno.HttpClient;
  #server: RunningProgram | null = null;

  private constructor(
    private readonly folder: string,
    private readonly program: string,
    caPem: string,
  ) {
    this.url = `https://127.0.0.1:${freePort()}`;
    this.#client = Deno.createHttpClient({ caCerts: [caPem] });
  }

  /** @param folder an empty folder of its own; @param exporter host and port */
  static async start(
    folder: string,
    { prometheus, promtool }: PrometheusPrograms,
    pki: Pki,
    known: readonly KnownSeries[],
    exporter: string,
  ): Promise<SoakPrometheus> {
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
    const { certPem, keyPem } = await pki.issue("soaked prometheus");
    await Deno.mkdir(`${folder}/data`, { recursive: true });
    await write("server.crt", certPem);
    await write("server.key", keyPem);
    const tls = { tls_server_config: { cert_file: "server.crt", key_file: "server.key" } };
    await write("web.yaml", stringify(tls));
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [{ job_name: "soak", static_configs: [{ targets: [exporter] }] }],
    };
    await write("prometheus.yaml", stringify(config));
    await write("known.txt", toOpenMetrics(known));
    const blocks = await runToEnd(promtool, {
      args: ["tsdb", "create-blocks-from", "openmetrics", `${folder}/known.txt`, `${folder}/data`],
    });
    if (blocks.code !== 0) throw new Error(`promtool: ${blocks.stdout}\n${blocks.stderr}`);
    const server = new SoakPrometheus(folder, prometheus, pki.caPem);
    await server.run();
    return server;
  }

  /** Starts the process; resolves when it is ready. */
  async run(): Promise<void> {
    const { folder } = this;
    this.#server = new RunningProgram(this.program, {
      args: [
        `--config.file=${folder}/prometheus.yaml`,
        `--web.config.file=${folder}/web.yaml`,
        `--web.listen-address=${new URL(this.url).host}`,
        `--storage.tsdb.path=${folder}/data`,
        "--storage.tsdb.retention.time=100y",
        `--query.lookback-delta=${LOOKBACK}`,
      ],
    });
    await this.#server.until(
      "Prometheus is ready",
      (line) => line.includes("Server is ready to receive web requests") || undefined,
    );
  }

  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  hang(): void {
    this.#server?.pause();
  }

  goOn(): void {
    this.#server?.resume();
  }

  async close(): Promise<void> {
    this.goOn();
    this.#client.close();
    await this.#server?.stop();
  }

  /** Every point of some spans. Throws where the server refuses one. */
  async read(
    { expr, stepMs }: SoakQuery,
    spans: readonly Span[],
    options: { readonly names: boolean },
  ): Promise<Points> {
    const points: Points = new Map();
    for (const span of spans) {
      for (let from = span.startMs; from <= span.endMs; from += MAX_STEPS * stepMs) {
        const endMs = Math.min(span.endMs, from + (MAX_STEPS - 1) * stepMs);
        const { status, body } = await this.ask(expr, { startMs: from, endMs }, stepMs);
        if (status !== 200) throw new Error(`${expr}: ${status} ${JSON.stringify(body)}`);
        putSeries(points, body.data.result, options);
      }
    }
    return points;
  }

  /** One query_range, as the server answers it. */
  async ask(
    expr: string,
    { startMs, endMs }: Span,
    stepMs: number,
  ): Promise<{ status: number; body: { data: { result: RangeSeries[] } } }> {
    const form = new URLSearchParams({
      query: expr,
      start: (startMs / 1000).toFixed(3),
      end: (endMs / 1000).toFixed(3),
      step: (stepMs / 1000).toFixed(3),
    });
    const response = await fetch(`${this.url}/api/v1/query_range?${form}`, {
      client: this.#client,
    });
    return { status: response.status, body: await response.json() };
  }
}
