/** The real agent as its own process, with exactly the permissions it ships with; and its CLI. */
import { type Finished, RunningProgram, runToEnd } from "./process.ts";

const MAIN = "main.ts";

export class AgentProcess {
  readonly #program: RunningProgram;

  private constructor(program: RunningProgram) {
    this.#program = program;
  }

  static spawn(configPath: string, env: Readonly<Record<string, string>> = {}): AgentProcess {
    const args = ["run", "-P=agentFromSource", "--no-prompt", MAIN, "run", "--config", configPath];
    return new AgentProcess(new RunningProgram(Deno.execPath(), { args, env }));
  }

  /** The listener's port, once the agent has started. */
  async started(): Promise<number> {
    return (await this.untilEvent("agent_started"))["listener"] as number;
  }

  /** The fields of the first log line with this event that `matches` accepts. */
  async untilEvent(
    event: string,
    matches: (fields: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return await this.#program.until(event, (line) => {
      if (!line.startsWith("{")) return undefined;
      const fields = JSON.parse(line);
      return fields.event === event && matches(fields) ? fields : undefined;
    });
  }

  get lines(): readonly string[] {
    return this.#program.lines;
  }

  get isRunning(): boolean {
    return this.#program.isRunning;
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#program.kill();
  }

  pause(): void {
    this.#program.pause();
  }

  resume(): void {
    this.#program.resume();
  }

  /** SIGTERM, as systemd and the kubelet send it; the exit code. */
  async stop(): Promise<number> {
    return await this.#program.stop();
  }

  async end(): Promise<number> {
    return await this.#program.end();
  }
}

/** One command of the CLI, run to its end. */
export async function cli(...args: string[]): Promise<Finished> {
  const finished = await runToEnd(Deno.execPath(), {
    args: ["run", "--quiet", "-P=cli", "--no-prompt", MAIN, ...args],
  });
  const stderr = finished.stderr.split("\n")
    .filter((line) => !line.includes("Permissions in the config file is an experimental feature"))
    .join("\n");
  return { ...finished, stderr };
}
