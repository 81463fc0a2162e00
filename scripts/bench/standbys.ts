/**
 * `deno task bench:standbys [--standbys 1000] [--seconds 180]`: what standbys ask of a real API server, by
 * its own count, while their leader lives, and when it goes. Uses the testbed that is up.
 */
import { parseArgs } from "node:util";
import { NAMESPACE } from "../testbed/services/kubernetes_setup.ts";
import { print } from "../testbed/print.ts";
import { runningTestbed } from "../testbed/testbed.ts";
import { ApiServerLoad } from "./api_server_load.ts";
import { type LeaseCalls, noCalls } from "./counted_lease.ts";
import { type Leading, StandbyProcess } from "./standby_process.ts";
import { formatStandbys, type Stretch, stretchOf, type Takeover } from "./standby_report.ts";

const FOLDER = "./reports/bench";
const PROCESSES = 2;
/** Connections are made, and what their handshakes left behind is collected. */
const SETTLE_MS = 45_000;
/** Until the last of them has seen who leads now. */
const AFTER_MS = 10_000;

const { values } = parseArgs({
  options: {
    standbys: { type: "string", default: "1000" },
    seconds: { type: "string", default: "180" },
  },
});
const standbys = Number(values.standbys);
const stretchMs = Number(values.seconds) * 1000;
const cluster = (await runningTestbed())?.kubernetes;
if (!cluster) throw new Error("There is no API server: deno task testbed up");
const place = {
  kubeconfig: `./${cluster.folder}/token.kubeconfig`,
  namespace: NAMESPACE,
  lease: `bench-${crypto.randomUUID().slice(0, 8)}`,
};
const load = await ApiServerLoad.open(`./${cluster.folder}/admin.kubeconfig`);
let leading = Promise.withResolvers<Leading>();
const onLeading = (event: Leading) => leading.resolve(event);

const leader = new StandbyProcess(place, 1, "leader", onLeading);
const crowd: StandbyProcess[] = [];
await leading.promise;
print("one leader, nobody else");
const stretches: Stretch[] = [await measure(0)];
for (let index = 0; index < PROCESSES; index += 1) {
  const count = Math.floor((standbys + index) / PROCESSES);
  crowd.push(new StandbyProcess(place, count, `standby-${index}`, onLeading));
}
await pass(SETTLE_MS);
print(`${(await ask()).following} standbys follow it`);
stretches.push(await measure(standbys));
const takeovers: Takeover[] = [
  await takeOver("killed", () => leader.kill()),
  await takeOver("stopped: it gives the Lease up", () => ask("stop leader")),
];

const report = {
  at: new Date().toISOString(),
  apiServer: `Kubernetes ${cluster.version}`,
  machine: { cores: navigator.hardwareConcurrency, deno: Deno.version.deno },
  stretches,
  takeovers,
};
await Promise.all(crowd.map((process) => process.kill()));
load.close();
await Deno.mkdir(FOLDER, { recursive: true });
await Deno.writeTextFile(`${FOLDER}/standbys.json`, `${JSON.stringify(report, null, 2)}\n`);
print(`\n${formatStandbys(report)}`);
print(`\nWritten to ${FOLDER}/standbys.json.`);
Deno.exit();

async function measure(count: number): Promise<Stretch> {
  const from = await load.read();
  await pass(stretchMs);
  return stretchOf(count, from, await load.read());
}

async function takeOver(how: string, go: () => Promise<unknown>): Promise<Takeover> {
  const before = await ask();
  leading = Promise.withResolvers();
  const goneMs = Date.now();
  await go();
  const { atMs, identity } = await leading.promise;
  await pass(AFTER_MS);
  const after = await ask();
  print(`${how}: ${identity} leads, ${after.following} follow it`);
  const calls = noCalls();
  for (const key of Object.keys(calls) as (keyof LeaseCalls)[]) {
    calls[key] = after.calls[key] - before.calls[key];
  }
  return { how, seconds: (atMs - goneMs) / 1000, calls };
}

/** All of the crowd, added up. */
async function ask(
  what: "calls" | "stop leader" = "calls",
): Promise<{ calls: LeaseCalls; following: number }> {
  const calls = noCalls();
  let following = 0;
  for (const told of await Promise.all(crowd.map((process) => process.ask(what)))) {
    following += told.following;
    for (const key of Object.keys(calls) as (keyof LeaseCalls)[]) calls[key] += told.calls[key];
  }
  return { calls, following };
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
