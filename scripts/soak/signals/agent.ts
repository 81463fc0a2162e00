/** The agent's process in the soak: killed, hung, started again, and its clock stepped. */
import { RunningProgram } from "../../../tests/real/process.ts";

const PROGRAM = "scripts/soak/signals/agent_program.ts";

export class SoakAgent {
  #program: RunningProgram | null = null;
  #isWanted = false;
  /** Why it ended by itself, which it never should. */
  readonly ends: string[] = [];

  private constructor(
    private readonly configPath: string,
    private readonly offsetPath: string,
  ) {}

  /** @param folder for what steps its clock */
  static async start(configPath: string, folder: string): Promise<SoakAgent> {
    const agent = new SoakAgent(configPath, `${folder}/clock-offset`);
    await agent.stepClock(0);
    agent.run();
    return agent;
  }

  run(): void {
    const program = new RunningProgram(Deno.execPath(), {
      args: [
        "run",
        "-P=agentFromSource",
        "--no-prompt",
        "--no-check",
        "--quiet",
        PROGRAM,
        this.configPath,
        this.offsetPath,
      ],
    });
    this.#program = program;
    this.#isWanted = true;
    program.ended.then(() => {
      if (this.#program === program && this.#isWanted) this.ends.push(program.tail());
    });
  }

  async kill(): Promise<void> {
    this.#isWanted = false;
    await this.#program?.kill();
  }

  hang(): void {
    this.#program?.pause();
  }

  goOn(): void {
    this.#program?.resume();
  }

  /** At once, as a wall clock is stepped; `offsetMs` off the true time. */
  async stepClock(offsetMs: number): Promise<void> {
    await Deno.writeTextFile(`${this.offsetPath}.new`, String(offsetMs));
    await Deno.rename(`${this.offsetPath}.new`, this.offsetPath);
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number> {
    this.#isWanted = false;
    return await this.#program!.stop();
  }

  /** What it said last. */
  tail(): string {
    return this.#program?.tail() ?? "";
  }
}
