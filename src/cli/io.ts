import type { ProgressOutput } from "./progress.ts";

/** What a command may touch of the world around it. The tests bring their own. */
export interface CliIo {
  print(line: string): void;
  printError(line: string): void;
  /** null when there is no such file. */
  readFile(path: string): Promise<Uint8Array | null>;
  env(name: string): string | undefined;
  /** Whether a person sits at standard input. */
  readonly isInteractive: boolean;
  /** Whether standard output is a terminal that shows colours. */
  readonly hasColours: boolean;
  /** How long work tells how far it is; silent without it. */
  readonly progress?: Pick<ProgressOutput, "isTerminal" | "write">;
  /** One line typed by the person; null at end of input. */
  ask(question: string): string | null;
}

/** 0 done, 1 refused or failed, 2 wrong usage, 3 (of `status`) not running. */
export type ExitCode = 0 | 1 | 2 | 3;

/** Wrong use of the command line; printed with its exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
