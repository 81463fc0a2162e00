/** The three forms of every command's result: text for people, JSON and YAML for programs. */
import { Option } from "commander";
import { stringify } from "yaml";
import type { CliIo } from "./io.ts";

export const FORMATS = ["text", "json", "yaml"] as const;
export type Format = typeof FORMATS[number];

export function outputOption(): Option {
  return new Option("-o, --output <format>", "form of the result").choices([...FORMATS])
    .default("text");
}

/** @param text lines for people, made only when they are wanted */
export function printResult(
  io: Pick<CliIo, "print">,
  format: Format,
  value: unknown,
  text: () => string[],
): void {
  if (format === "json") io.print(JSON.stringify(value, null, 2));
  else if (format === "yaml") io.print(stringify(value).trimEnd());
  else text().forEach((line) => io.print(line));
}

/** Columns as kubectl prints them: capital headings, two spaces between, the last column unpadded. */
export function formatTable(
  headings: readonly string[],
  cells: readonly (readonly string[])[],
): string[] {
  const rows = cells.map((row) => row.map(printable));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length))
  );
  return [headings, ...rows].map((row) =>
    row.map((cell, column) => column === row.length - 1 ? cell : cell.padEnd(widths[column]!))
      .join("  ")
  );
}

/** Texts of strangers: a control character could move the cursor and rewrite what a person reads. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
