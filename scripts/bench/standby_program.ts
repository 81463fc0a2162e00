/**
 * A crowd of standbys in a process of its own: `standby_program.ts KUBECONFIG NAMESPACE LEASE COUNT PREFIX`.
 * A line of JSON on standard output for who leads; on standard input `calls` asks for its calls so far,
 * and `stop leader` does that.
 */
import type { StandbyEvent } from "./standby_process.ts";
import { Crowd } from "./standby_crowd.ts";

const [kubeconfig, namespace, name, count, prefix] = Deno.args as [
  string,
  string,
  string,
  string,
  string,
];
const encoder = new TextEncoder();
const tell = (event: StandbyEvent) =>
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(event)}\n`));
const crowd = await Crowd.open({
  kubeconfig,
  lease: { namespace, name },
  count: Number(count),
  prefix,
  isLongRunning: true,
  onLeading: (identity) => tell({ event: "leading", identity, atMs: Date.now() }),
});
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  if (text.startsWith("stop leader")) await crowd.stopLeader();
  const { calls, following } = crowd;
  const rssMiB = Deno.memoryUsage().rss / 2 ** 20;
  tell({ event: "calls", calls, following, rssMiB, atMs: Date.now() });
}
// Whoever started it has gone, or wants no more.
Deno.exit();
