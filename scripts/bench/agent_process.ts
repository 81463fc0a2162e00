/** The agent's process, as the bench starts it, listens to it and ends it. */
import type { AgentEvent, Applied } from "./agent_events.ts";

const PROGRAM = "scripts/bench/agent_program.ts";

export class AgentProcess {
  readonly #child: Deno.ChildProcess;
  readonly #events: AsyncIterator<AgentEvent>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#events = eventsOf(child.stdout);
  }

  /** Resolves with the process and its listener's port. */
  static async start(
    configPath: string,
    logPath: string,
  ): Promise<{ agent: AgentProcess; port: number }> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-P=simulate", "--no-prompt", "--quiet", PROGRAM, configPath, logPath],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const agent = new AgentProcess(child);
    const started = await agent.#next();
    if (started.event !== "started") throw new Error(`the agent began with ${started.event}`);
    return { agent, port: started.port };
  }

  async applied(): Promise<Applied> {
    const event = await this.#next();
    if (event.event !== "applied") throw new Error(`the agent tells of ${event.event}`);
    return event;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await this.#events.return?.();
  }

  async #next(): Promise<AgentEvent> {
    const { done, value } = await this.#events.next();
    if (done) throw new Error("the agent has ended; its log says why");
    return value;
  }
}

async function* eventsOf(stdout: ReadableStream<Uint8Array>): AsyncGenerator<AgentEvent> {
  let rest = "";
  for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}
