/** Shows what happens as it happens, and keeps it: every line of the story and of the agent's own log. */
import { styleText } from "node:util";
import type { CliIo } from "../io.ts";

export class Narrator {
  readonly #startedMs = performance.now();
  readonly #lines: string[] = [];

  constructor(private readonly io: CliIo) {}

  chapter(title: string): void {
    this.#lines.push("", `## ${title}`);
    this.io.print(`\n${this.#style("bold", title)}`);
  }

  tell(text: string): void {
    const line = `${this.#elapsed()}  ${text}`;
    this.#lines.push(line);
    this.io.print(line);
  }

  verdict(passed: boolean, text: string): void {
    const mark = passed ? this.#style("green", "pass") : this.#style("red", "FAIL");
    const line = `${this.#elapsed()}  ${mark}  ${text}`;
    this.#lines.push(line);
    this.io.print(line);
  }

  /** A line of the agent's log: kept, not shown. */
  log(line: string): void {
    this.#lines.push(line);
  }

  text(): string {
    // The file is read without a terminal.
    // deno-lint-ignore no-control-regex
    return `${this.#lines.join("\n").replaceAll(/\u001b\[\d+m/g, "")}\n`;
  }

  elapsedSeconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #elapsed(): string {
    return `${this.elapsedSeconds().toFixed(1).padStart(6)}s`;
  }

  #style(format: "bold" | "green" | "red", text: string): string {
    return this.io.hasColours ? styleText(format, text, { validateStream: false }) : text;
  }
}
