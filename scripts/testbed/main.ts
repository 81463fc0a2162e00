/**
 * `deno task testbed up|status|down|proxy`: real peers on loopback, as far as the machine can have them.
 * `up` brings them up afresh; programs that must be built are built once for each version and kept.
 * `up --until EPOCH_SECONDS` leaves out what cannot be built in time;
 * `up --nodes` adds real nodes: kubelet, containerd and runc in network namespaces, which takes root.
 */
import { parseArgs } from "node:util";
import { runningOf } from "./daemons.ts";
import { down } from "./down.ts";
import { cacheFolder } from "./peer.ts";
import { print } from "./print.ts";
import { PROXY_USAGE, runProxy } from "./proxy.ts";
import { formatPeers } from "./table.ts";
import { FOLDER, readTestbed } from "./testbed.ts";
import { buildTime, up } from "./up.ts";
import { CONFIG_FILE, ENV_FILE } from "./user_files.ts";

const USAGE = `usage: deno task testbed up [--nodes]|status|down\n${
  PROXY_USAGE.replace("usage", "   or")
}`;

if (Deno.args[0] === "proxy") Deno.exit(await runProxy(Deno.args.slice(1)));
const { values, positionals: [command, ...rest] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { until: { type: "string" }, nodes: { type: "boolean", default: false } },
});
if (rest.length > 0) Deno.exit(usage());
if (command === "up") {
  const begun = Date.now();
  const { peers } = await up(buildTime(values.until), { nodes: values.nodes });
  print(`\n${formatPeers(peers)}`);
  print(`\nUp in ${((Date.now() - begun) / 1000).toFixed(1)} s. For this shell:   . ${ENV_FILE}`);
  print(`The whole story on it:       deno task simulate --config ${CONFIG_FILE}`);
  print(`Programs are kept in ${cacheFolder()}, everything else in ${FOLDER}.`);
} else if (command === "down") {
  print(`${await down()} processes ended, ${FOLDER} removed`);
} else if (command === "status") {
  const testbed = await readTestbed();
  if (!testbed) {
    print("The testbed is down. Bring it up with: deno task testbed up");
    Deno.exit(1);
  }
  print(formatPeers(testbed.peers));
  const running = await runningOf(testbed.daemons);
  const ended = testbed.daemons.filter((daemon) => !running.includes(daemon))
    .map(({ name }) => name);
  print(`\n${running.length} processes run`);
  if (ended.length > 0) {
    print(`Ended: ${ended.join(", ")}; their logs are in ${FOLDER}`);
    Deno.exit(1);
  }
} else {
  Deno.exit(usage());
}

function usage(): number {
  print(USAGE);
  return 2;
}
