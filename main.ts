/** argv → command → exit code. The only place that ends the process. */
import { hostname } from "node:os";
import process from "node:process";
import { runCommandLine } from "./src/cli/command_line.ts";
import { type CliIo } from "./src/cli/io.ts";
import { systemRuntime } from "./src/runtime_deno.ts";
import { thisProcess } from "./src/runtime_deno/this_process.ts";

const encoder = new TextEncoder();
const env = (name: string) => Deno.env.get(name);

const io: CliIo = {
  print: (line) => writeLine(Deno.stdout, line),
  printError: (line) => writeLine(Deno.stderr, line),
  async readFile(path) {
    try {
      return await Deno.readFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  },
  env,
  isInteractive: Deno.stdin.isTerminal(),
  hasColours: Deno.stdout.isTerminal() && !env("NO_COLOR"),
  progress: {
    isTerminal: Deno.stderr.isTerminal(),
    write: (text) => writeText(Deno.stderr, text),
  },
  ask: (question) => prompt(question),
};

const stopped = new Promise<void>((resolve) => {
  let asked = false;
  const stop = () => {
    // Whoever asks twice does not want to wait; what matters is on the disk.
    if (asked) Deno.exit(1);
    asked = true;
    resolve();
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
});

const nextReload = latchedSignal("SIGHUP");

process.exitCode = await runCommandLine(Deno.args, {
  surroundings: {
    runtime: systemRuntime(),
    env,
    hostname: hostname(),
    writeLog: (line) => writeLine(Deno.stderr, line),
  },
  io,
  thisProcess: thisProcess(),
  requests: { stopped, nextReload },
  simulate: async (options) => {
    const { simulate } = await import("./src/cli/simulate/simulate.ts");
    return await simulate(io, stopped, options);
  },
});
// Pooled connections and signal listeners would keep the process for a while longer.
Deno.exit();

/**
 * Each call waits for the next signal; one that came since the last call counts. The signal keeps its
 * common meaning until the first call: only a command that asks for it is spared.
 */
function latchedSignal(signal: Deno.Signal): () => Promise<void> {
  let next: PromiseWithResolvers<void> | null = null;
  return async () => {
    if (next === null) {
      next = Promise.withResolvers();
      Deno.addSignalListener(signal, () => next!.resolve());
    }
    await next.promise;
    next = Promise.withResolvers();
  };
}

function writeLine(stream: typeof Deno.stdout | typeof Deno.stderr, line: string): void {
  writeText(stream, `${line}\n`);
}

function writeText(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}
