/** Everything that a command may touch, in memory; and the program on it. */
import { runCommandLine } from "../../src/cli/command_line.ts";
import type { CliIo, ExitCode } from "../../src/cli/io.ts";
import type { Files, Http, Runtime, ThisProcess } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { memoryFiles } from "./memory_files.ts";

export interface CliParts {
  readonly files?: Parameters<typeof memoryFiles>[0];
  readonly env?: Record<string, string>;
  /** What a person types; without it nobody sits there. */
  readonly answer?: string | null;
  readonly hasColours?: boolean;
  /** Answers on the connector's socket; without it there is no connector. */
  readonly admin?: (request: Request) => Promise<Response>;
  /** Everything real, for the runtime alone. */
  readonly runtime?: Runtime;
  /** Without it the program runs from source, with no permission at all. */
  readonly thisProcess?: Partial<ThisProcess>;
  /** A disk instead of `files`, for the runtime alone. */
  readonly disk?: Files;
}

export interface CliResult {
  readonly exitCode: ExitCode;
  readonly out: string;
  readonly errors: string;
  readonly questions: readonly string[];
  readonly sockets: readonly (string | undefined)[];
  readonly logged: readonly string[];
}

export async function runCli(args: readonly string[], parts: CliParts = {}): Promise<CliResult> {
  const out: string[] = [];
  const errors: string[] = [];
  const questions: string[] = [];
  const sockets: (string | undefined)[] = [];
  const logged: string[] = [];
  const files = memoryFiles(parts.files ?? {});
  const env = (name: string) => parts.env?.[name];
  const io: CliIo = {
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
    readFile: (path) => files.read(path, Infinity),
    env,
    isInteractive: parts.answer !== undefined,
    hasColours: parts.hasColours ?? false,
    ask(question) {
      questions.push(question);
      return parts.answer ?? null;
    },
  };
  const { admin } = parts;
  const http: Pick<Http, "client"> = {
    client({ unixSocket }) {
      sockets.push(unixSocket);
      return {
        fetch: (url, init) =>
          admin ? admin(new Request(url, init)) : Promise.reject(new TypeError("no such socket")),
        close: () => {},
      };
    },
  };
  const system = systemRuntime();
  const runtime = parts.runtime ??
    { ...system, http: { ...system.http, ...http }, files: parts.disk ?? files as Files };
  const exitCode = await runCommandLine(args, {
    surroundings: { runtime, env, hostname: "host", writeLog: (line) => logged.push(line) },
    io,
    thisProcess: {
      deno: "2.9.6",
      v8: "15.0",
      target: "x86_64-unknown-linux-gnu",
      executable: null,
      isGranted: () => Promise.resolve(false),
      ...parts.thisProcess,
    },
    requests: { stopped: Promise.resolve(), nextReload: () => new Promise(() => {}) },
    simulate: () => Promise.resolve(0),
  });
  return {
    exitCode,
    out: out.join("\n"),
    errors: errors.join("\n"),
    questions,
    sockets,
    logged,
  };
}
