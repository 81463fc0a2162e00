/** All targets on one port, each under `/target/N/metrics`: `deno run … exporter_program.ts`. */
import { exposition, seriesOf, TARGETS } from "./exporter_series.ts";
import { tell } from "./events.ts";

const targets = Array.from({ length: TARGETS }, (_, target) => seriesOf(target));
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const target = targets[Number(new URL(request.url).pathname.split("/")[2])];
  if (!target) return new Response(null, { status: 404 });
  return new Response(exposition(target, Date.now() / 1000), {
    headers: { "content-type": "text/plain; version=0.0.4" },
  });
});
tell({ event: "open", url: `http://127.0.0.1:${server.addr.port}` });
