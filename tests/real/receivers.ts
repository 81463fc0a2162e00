/** Real remote-write receivers, each with an empty folder of its own. */
import { freePort } from "../../scripts/testbed/ports.ts";
import { programOf } from "./peers.ts";
import { RunningProgram } from "./process.ts";
import type { PrometheusSeries, Range } from "./prometheus_server.ts";

export interface Receiver {
  readonly writeUrl: string;
  /** What the receiver itself says that it holds. */
  queryRange(expr: string, range: Range): Promise<ReceiverSeries[]>;
  close(): Promise<void>;
}

export interface ReceiverSeries extends PrometheusSeries {
  readonly histograms?: readonly (readonly [number, unknown])[];
}

/** @param program `prometheus` or `prometheus 3`, by its name in the testbed */
export async function startPrometheusReceiver(folder: string, program: string): Promise<Receiver> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/prometheus.yaml`, "scrape_configs: []\n");
  const port = freePort();
  const server = new RunningProgram(programOf(program), {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}/data`,
      "--storage.tsdb.retention.time=100y",
      "--web.enable-remote-write-receiver",
      "--enable-feature=native-histograms",
    ],
  });
  await server.until(
    `${program} is ready`,
    (line) => line.includes("Server is ready to receive web requests") || undefined,
  );
  const url = `http://127.0.0.1:${port}`;
  return {
    writeUrl: `${url}/api/v1/write`,
    queryRange: (expr, range) => queryRange(url, expr, range),
    close: async () => {
      await server.stop();
    },
  };
}

export async function startVictoriaReceiver(folder: string): Promise<Receiver> {
  await Deno.mkdir(folder, { recursive: true });
  const port = freePort();
  const server = new RunningProgram(programOf("victoria-metrics"), {
    args: [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${folder}/data`,
      "-retentionPeriod=100y",
      // Of a series with more than 30 it drops those beyond, without a word.
      "-maxLabelsPerTimeseries=64",
    ],
  });
  await server.until(
    "VictoriaMetrics is ready",
    (line) => line.includes("started VictoriaMetrics in") || undefined,
  );
  const url = `http://127.0.0.1:${port}`;
  return {
    writeUrl: `${url}/api/v1/write`,
    queryRange: async (expr, range) => {
      // What came in just now is not found before.
      await (await fetch(`${url}/internal/force_flush`)).body?.cancel();
      return await queryRange(url, expr, range);
    },
    close: async () => {
      await server.stop();
    },
  };
}

async function queryRange(url: string, expr: string, range: Range): Promise<ReceiverSeries[]> {
  const query = new URLSearchParams({
    query: expr,
    start: String(range.startMs / 1000),
    end: String(range.endMs / 1000),
    step: String(range.stepMs / 1000),
    nocache: "1",
  });
  const answer = await (await fetch(`${url}/api/v1/query_range?${query}`)).json();
  if (answer.status !== "success") throw new Error(`query_range: ${JSON.stringify(answer)}`);
  return answer.data.result;
}

export interface WriteProxy {
  readonly url: string;
  /** Write requests that the receiver answered with success. */
  readonly taken: number;
  /** Between the receiver's answer to the request that comes then, and what the sender hears of it. */
  interrupt(afterTaken: number, work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Between an agent and its receiver, so that a test can end the agent when samples were taken and it does not know. */
export function startWriteProxy(writeUrl: string): WriteProxy {
  let taken = 0;
  let interruption: { at: number; work: () => Promise<void>; done: () => void } | null = null;
  const server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      onError: (error) => new Response(String(error), { status: 502 }),
    },
    async (request) => {
      const headers = new Headers(request.headers);
      headers.delete("host");
      const body = await request.arrayBuffer();
      const answer = await fetch(writeUrl, { method: "POST", headers, body });
      const text = await answer.text();
      if (answer.ok) taken += 1;
      if (interruption !== null && taken >= interruption.at) {
        const { work, done } = interruption;
        interruption = null;
        await work();
        done();
      }
      return new Response(answer.status === 204 ? null : text, {
        status: answer.status,
        headers: answer.headers,
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/api/v1/write`,
    get taken() {
      return taken;
    },
    interrupt: (afterTaken, work) =>
      new Promise((resolve, reject) => {
        interruption = { at: taken + afterTaken, work: () => work().catch(reject), done: resolve };
      }),
    close: () => server.shutdown(),
  };
}
