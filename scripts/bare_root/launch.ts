/** The agent of `simulate` as a program in a bare root, with the peers and the clock of the story outside. */
import type { Actor, Launch } from "../../src/cli/simulate/actor.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { TextLineStream } from "../../tests/real/text_lines.ts";
import { clockVariables, findFaketime, INSIDE } from "./other_day.ts";
import { type BareRoot, CONFIG, STATE, type Variant } from "./root.ts";
import { spawnInside } from "./spawn.ts";

const CONFIG_FILE = `${CONFIG}/connector.yaml`;
const SOCKET = `${STATE}/state/agent.sock`;

/** The story's folder must be the STATE of this root. */
export function launchInside(root: BareRoot, variant: Variant): Launch {
  return async (world, changes, log) => {
    const config = { ...world.written, ...changes, adminSocket: true };
    const inside = await moveInside(config, root, world.folder);
    await Deno.writeTextFile(`${root.path}${CONFIG_FILE}`, JSON.stringify(inside));
    const offsetMs = world.clock.now() - Date.now();
    if (offsetMs > 1000) {
      // A day that is over is sealed at a start. S3 takes no request of another day, so the agent that
      // ships it has the clock of everyone else again.
      await root.put(await findFaketime(), INSIDE);
      await (await start(root, variant, clockVariables(offsetMs), log)).stop();
    }
    return await start(root, variant, {}, log);
  };
}

async function start(
  { path }: BareRoot,
  { command, env }: Variant,
  variables: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<Actor> {
  const client = systemRuntime().http.client({ unixSocket: `${path}${SOCKET}` });
  const child = spawnInside({
    root: path,
    command: [...command, "run", "--config", CONFIG_FILE],
    env: { ...env, ...variables },
  });
  const started = Promise.withResolvers<number>();
  const reading = readLines(child.stdout, (line) => {
    log(line);
    if (!line.startsWith("{")) return;
    const { event, listener } = JSON.parse(line);
    if (event === "agent_started") started.resolve(listener);
  }).then(async () => {
    const { code } = await child.status;
    started.reject(new Error(`the agent ended with ${code}`));
  });
  return {
    port: await started.promise,
    async admin({ url, method, headers, body }) {
      const text = body && await new Response(body).text();
      return await client.fetch(url, { method, headers, body: text });
    },
    async stop() {
      client.close();
      child.kill("SIGTERM");
      const { code } = await child.status;
      await reading;
      if (code !== 0) throw new Error(`the agent ended with ${code}`);
    },
  };
}

/** The same configuration with every file that it names at a place in the root. */
async function moveInside(value: unknown, root: BareRoot, folder: string): Promise<unknown> {
  if (Array.isArray(value)) {
    return await Promise.all(value.map((item) => moveInside(item, root, folder)));
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(async ([key, part]) =>
      [key, await moveInside(part, root, folder)] as const
    );
    return Object.fromEntries(await Promise.all(entries));
  }
  if (typeof value !== "string" || !/^\.?\//.test(value)) return value;
  if (value.startsWith(folder)) return value.replace(folder, STATE);
  const target = `${CONFIG}/${value.replaceAll(/[^\w.-]/g, "_")}`;
  await root.put(value, target);
  return target;
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => void,
): Promise<void> {
  const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) take(line);
}
