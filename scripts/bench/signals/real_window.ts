/** The same as windows that are made up, from a real Prometheus: a block of an hour that promtool made. */
import { run } from "../../testbed/command.ts";
import { freePort } from "../../testbed/ports.ts";
import type { Processes } from "./processes.ts";
import type { Sink } from "./sink.ts";
import { until } from "./waiting.ts";
import {
  HOUR_MS,
  measureSource,
  newestHour,
  STEP_MS,
  STEPS,
  type WindowCost,
  type WindowOptions,
} from "./windows.ts";

const METRIC = "bench_block";

export interface BlockPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

export async function measureRealWindow(
  { prometheus, promtool }: BlockPrograms,
  processes: Processes,
  sink: Sink,
  options: WindowOptions,
): Promise<WindowCost> {
  const folder = `${options.work}/block`;
  await Deno.mkdir(folder, { recursive: true });
  await writeSamples(`${folder}/samples.txt`, Math.ceil(options.samplesPerHour / STEPS));
  const made = await run(promtool, [
    ...["tsdb", "create-blocks-from", "openmetrics"],
    ...[`${folder}/samples.txt`, `${folder}/data`],
  ]);
  if (!made.ok) throw new Error(`promtool: ${made.problem}`);
  await Deno.writeTextFile(`${folder}/prometheus.yaml`, "scrape_configs: []\n");
  const url = `http://127.0.0.1:${freePort()}`;
  const pid = await processes.start("block", prometheus, [
    `--config.file=${folder}/prometheus.yaml`,
    `--web.listen-address=${new URL(url).host}`,
    `--storage.tsdb.path=${folder}/data`,
    "--storage.tsdb.retention.time=100y",
  ]);
  try {
    await until("the block is served", async () => {
      const response = await fetch(`${url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    });
    return await measureSource(processes, sink, {
      ...options,
      source: "Prometheus",
      name: "window-real",
      url,
      expr: METRIC,
    });
  } finally {
    await processes.stop(pid);
  }
}

/** One in two never changes, the others rise or move; in the order of series, as promtool wants them. */
async function writeSamples(path: string, series: number): Promise<void> {
  const endMs = newestHour();
  using file = await Deno.open(path, { create: true, write: true, truncate: true });
  const encoder = new TextEncoder();
  const write = async (text: string) => {
    for (let rest = encoder.encode(text); rest.length > 0;) {
      rest = rest.subarray(await file.write(rest));
    }
  };
  await write(`# TYPE ${METRIC} gauge\n`);
  for (let index = 0; index < series; index += 1) {
    const labels = `namespace="team-${index % 7}",pod="service-${index}-7d9f8b6c54-x2kqp"`;
    let text = "";
    for (let point = 0; point < STEPS; point += 1) {
      const value = index % 2 === 0
        ? index % 5
        : index % 4 === 1
        ? point * (1 + index % 97)
        : (index * 7919 + point * 104_729) % 10_007 / 100;
      text += `${METRIC}{${labels}} ${value} ${(endMs - HOUR_MS + point * STEP_MS) / 1000}\n`;
    }
    await write(text);
  }
  await write("# EOF\n");
}
