/** `deno task testbed proxy <peer>`: a peer that fails on command, for as long as the command runs. */
import { parseArgs } from "node:util";
import { parseDuration } from "../../src/core/duration.ts";
import { FaultProxy } from "./fault_proxy.ts";
import { print } from "./print.ts";
import { readTestbed } from "./testbed.ts";

export const PROXY_USAGE =
  "usage: deno task testbed proxy <peer> [--latency 200ms] [--throttle 64k] [--cut-after 10k] [--port 8443]";
const COMMANDS = ["cut", "reset", "stall", "resume", "refuse", "accept"] as const;

/** @returns the exit code, once input has ended or the peer cannot be had */
export async function runProxy(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      latency: { type: "string", default: "0s" },
      throttle: { type: "string", default: "0" },
      "cut-after": { type: "string" },
      port: { type: "string", default: "0" },
    },
  });
  const latencyMs = parseDuration(values.latency);
  const bytesPerSecond = parseBytes(values.throttle);
  const cutAfterBytes = values["cut-after"] === undefined
    ? Infinity
    : parseBytes(values["cut-after"]);
  const [name, ...rest] = positionals;
  if (!name || rest.length > 0) return fail(PROXY_USAGE);
  if (latencyMs === null || bytesPerSecond === null || cutAfterBytes === null) {
    return fail(PROXY_USAGE);
  }
  const peers = (await readTestbed())?.peers.filter(({ address }) => address !== null) ?? [];
  const wanted = peers.filter((peer) => peer.name.toLowerCase().includes(name.toLowerCase()));
  if (wanted.length === 0) {
    return fail(`no peer ${name} is up; there are: ${peers.map((peer) => peer.name).join(", ")}`);
  }
  await using proxy = await FaultProxy.start(wanted[0]!.address!, { port: Number(values.port) });
  for (const direction of [proxy.requests, proxy.answers]) {
    Object.assign(direction, { latencyMs, bytesPerSecond });
  }
  proxy.answers.cutAfterBytes = cutAfterBytes;
  print(`${wanted[0]!.name} is at ${proxy.url} as well, until ^C.`);
  print(`Type one of these and Enter: ${COMMANDS.join(", ")}.`);
  await obey(proxy);
  return 0;
}

/** One command a line, until there is no more input. */
async function obey(proxy: FaultProxy): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of Deno.stdin.readable) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const command = COMMANDS.find((one) => one === line.trim());
      if (command) await proxy[command]();
      print(command ? `${command}: ${proxy.open} connections are open` : `no command: ${line}`);
    }
  }
}

/** `64k` → 65536; null when it is no such text. */
function parseBytes(text: string): number | null {
  const [, digits, unit = ""] = /^(\d{1,9})([km]?)$/.exec(text) ?? [];
  return digits === undefined
    ? null
    : Number(digits) * (unit === "m" ? 1 << 20 : unit === "k" ? 1024 : 1);
}

function fail(message: string): number {
  print(message);
  return 2;
}
