/**
 * Answers query_range as Prometheus does, for as many series as it is told, out of nothing: what it holds
 * does not grow with the answer. `deno run … answers_program.ts SERIES`.
 */
import { tell } from "./events.ts";

const SERIES = Number(Deno.args[0]);
const PIECE_BYTES = 64 * 1024;
const encoder = new TextEncoder();

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) => {
    const form = new URLSearchParams(await request.text());
    const seconds = (name: string) => Number(form.get(name));
    return new Response(answer(seconds("start"), seconds("end"), seconds("step")), {
      headers: { "content-type": "application/json", date: new Date().toUTCString() },
    });
  },
);
tell({ event: "open", url: `http://127.0.0.1:${server.addr.port}` });

function answer(start: number, end: number, step: number): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      let text = next === 0 ? `{"status":"success","data":{"resultType":"matrix","result":[` : "";
      for (; next < SERIES && text.length < PIECE_BYTES; next += 1) {
        text += (next === 0 ? "" : ",") + series(next, start, end, step);
      }
      if (next === SERIES) text += "]}}";
      controller.enqueue(encoder.encode(text));
      if (next === SERIES) controller.close();
    },
  });
}

/** One in two never changes, the others rise or move. */
function series(index: number, start: number, end: number, step: number): string {
  const labels = {
    __name__: `bench_${index % 8}`,
    instance: `10.0.${index % 51}.17:9100`,
    job: "bench",
    namespace: `team-${index % 7}`,
    pod: `service-${index}-7d9f8b6c54-x2kqp`,
  };
  const values: string[] = [];
  for (let point = 0, at = start; at <= end; point += 1, at = start + point * step) {
    const tick = Math.round(at / step);
    const value = index % 2 === 0
      ? index % 5
      : index % 4 === 1
      ? tick * (1 + index % 97)
      : (index * 7919 + tick * 104_729) % 10_007 / 100;
    values.push(`[${at},"${value}"]`);
  }
  return `{"metric":${JSON.stringify(labels)},"values":[${values.join(",")}]}`;
}
