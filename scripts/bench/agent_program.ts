/**
 * The agent as it is shipped, in a process of its own, with a witness at two of its ports: when the
 * listener had a request in its hands, and when the API server's answer to an apply was there. Everything
 * else, disk and network, is the real thing.
 *
 * `deno run … agent_program.ts CONFIG LOG`; a line of JSON on standard output for each event.
 */
import process from "node:process";
import { startAgent } from "../../src/agent/agent.ts";
import { loadConfig } from "../../src/cli/run.ts";
import type { Http, HttpClient } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import type { AgentEvent, Call } from "./agent_events.ts";
import { anchorEpoch, epochMs } from "./epoch.ts";

const [configPath, logPath] = Deno.args;
const encoder = new TextEncoder();
const log = Deno.openSync(logPath!, { write: true, create: true, truncate: true });

let receivedMs = 0;
let cpuBefore = process.cpuUsage();
let calls: Call[] = [];
const system = systemRuntime();

const http: Http = {
  client(options): HttpClient {
    const client = system.http.client(options);
    return {
      close: () => client.close(),
      fetch: (url, init) => {
        const what = nameOf(url, init);
        return what === null
          ? client.fetch(url, init)
          : witness(what, () => client.fetch(url, init));
      },
    };
  },
  serveUnix: system.http.serveUnix,
  serveTls: (options, handler) =>
    system.http.serveTls(options, (request) => {
      if (new URL(request.url).pathname === "/execute") {
        anchorEpoch();
        receivedMs = epochMs();
        cpuBefore = process.cpuUsage();
        calls = [];
      }
      return handler(request);
    }),
};

/** null for what is no call about a Deployment. */
function nameOf(url: string, { method = "GET" }: RequestInit): string | null {
  if (!/\/deployments\//.test(url)) return null;
  if (method === "GET") return "GET";
  return url.includes("dryRun=All") ? "dry run" : "apply";
}

/** An apply counts as answered when its whole answer is there, as in the calls that it is compared with. */
async function witness(what: string, fetch: () => Promise<Response>): Promise<Response> {
  const beginMs = epochMs();
  const response = await fetch();
  if (what !== "apply") {
    calls.push({ what, beginMs, endMs: epochMs() });
    return response;
  }
  const body = await response.arrayBuffer();
  const appliedMs = epochMs();
  calls.push({ what, beginMs, endMs: appliedMs });
  const { user, system: kernel } = process.cpuUsage(cpuBefore);
  const cpuMs = (user + kernel) / 1000;
  tell({ event: "applied", receivedMs, appliedMs, cpuMs, calls });
  return new Response(body, { status: response.status, headers: response.headers });
}

function tell(event: AgentEvent): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(event)}\n`));
}

const surroundings = {
  runtime: { ...system, http },
  env: () => undefined,
  hostname: "bench",
  writeLog: (line: string) => void log.writeSync(encoder.encode(`${line}\n`)),
};
const agent = await startAgent(await loadConfig(configPath!, surroundings), surroundings);
Deno.addSignalListener("SIGTERM", async () => {
  await agent.stop();
  Deno.exit();
});
tell({ event: "started", port: agent.port });
await agent.finished;
