/** A series of native histograms, which promtool cannot make, put into a Prometheus by remote write. */
import { RemoteWritePacker } from "../../src/core/signals/remote_write/packer.ts";
import { SeriesLabels } from "../../src/core/signals/remote_write/series_labels.ts";

const STEP_MS = 15_000;

/** A counter of latencies with buckets below, at and above zero, and a hole in it. */
export async function writeNativeHistograms(
  writeUrl: string,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const window = { startMs: fromMs, endMs: toMs, stepMs: STEP_MS };
  const packer = new RemoteWritePacker(
    { clusterId: "source", query: { name: "source", expr: "" }, window },
    {
      version: "1.0",
      maxSamples: 10_000,
      labels: new SeriesLabels({}, "unnamed"),
      nativeHistograms: true,
    },
  );
  for (const pod of ["a", "b"]) {
    packer.begin([["__name__", "native_latency"], ["pod", pod]]);
    for (let index = 0; fromMs + index * STEP_MS <= toMs; index++) {
      if (index % 30 >= 25) continue;
      const count = index + 1;
      packer.histogram({
        index,
        count: String(8 * count),
        sum: String(count * 1.5),
        buckets: [
          [1, "-1.414213562373095", "-1", String(count)],
          [3, "-0.001", "0.001", String(2 * count)],
          [0, "0.7071067811865475", "1", String(3 * count)],
          [0, "2", "2.8284271247461903", String(2 * count)],
        ],
      });
    }
    packer.end();
  }
  for (const { body, headers } of await packer.finish([])) {
    const answer = await fetch(writeUrl, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
  }
}
