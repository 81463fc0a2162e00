/** A program that runs beside the test: its lines as they come, and its end. */
import { TextLineStream } from "./text_lines.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const TAIL_LINES = 30;

export interface SpawnOptions {
  readonly args: readonly string[];
  /** Besides what every child inherits. */
  readonly env?: Readonly<Record<string, string>>;
}

export class RunningProgram {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>[];
  readonly #watchers = new Set<() => void>();
  #ended: Deno.CommandStatus | null = null;
  readonly #status: Promise<Deno.CommandStatus>;

  constructor(readonly program: string, { args, env = {} }: SpawnOptions) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = [this.#read(this.#child.stdout), this.#read(this.#child.stderr)];
    this.#status = this.#awaitEnd();
  }

  /** Resolves with the first line, past or to come, that `find` turns into something. */
  async until<T>(what: string, find: (line: string) => T | undefined): Promise<T> {
    let seen = 0;
    let stop = () => {};
    const found = new Promise<T>((resolve, reject) => {
      const look = () => {
        for (; seen < this.lines.length; seen += 1) {
          const value = find(this.lines[seen]!);
          if (value !== undefined) return resolve(value);
        }
        if (this.#ended) reject(new Error(`${this.program} ended (${this.#ended.code})`));
      };
      stop = () => this.#watchers.delete(look);
      this.#watchers.add(look);
      look();
    });
    try {
      return await within(LIMIT_MS, what, found);
    } catch (error) {
      throw new Error(`${(error as Error).message}; its last lines:\n${this.tail()}`);
    } finally {
      stop();
    }
  }

  /** Resolves when the program has ended, by whatever cause. */
  get ended(): Promise<unknown> {
    return this.#status;
  }

  /** The exit code; 128 + signal when a signal ended it. */
  async end(limitMs = LIMIT_MS): Promise<number> {
    return (await within(limitMs, `the end of ${this.program}`, this.#status)).code;
  }

  /** As the kernel would at a power cut: no handler runs. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.end();
  }

  /** The process is not scheduled any more, as on a machine that hangs. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  hangUp(): void {
    this.#signal("SIGHUP");
  }

  async stop(): Promise<number> {
    this.#signal("SIGTERM");
    return await this.end();
  }

  get isRunning(): boolean {
    return this.#ended === null;
  }

  tail(): string {
    return this.lines.slice(-TAIL_LINES).join("\n");
  }

  #signal(signal: Deno.Signal): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  async #awaitEnd(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    await Promise.all(this.#reading);
    this.#ended = status;
    this.#wake();
    return status;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      this.lines.push(line);
      this.#wake();
    }
  }

  #wake(): void {
    for (const look of this.#watchers) look();
  }
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function runToEnd(
  program: string,
  { args, env = {} }: SpawnOptions,
): Promise<Finished> {
  const command = new Deno.Command(program, {
    args: [...args],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await within(LIMIT_MS, program, command.output());
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
