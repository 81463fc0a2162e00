/** What an audit command reads and prints: texts by name, else the disk. */
import type { AuditIo } from "../../src/cli/audit_source.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";

export class Terminal {
  readonly printed: string[] = [];
  readonly errors: string[] = [];
  readonly texts = new Map<string, string>();

  readonly io: AuditIo = {
    print: (line) => this.printed.push(line),
    printError: (line) => this.errors.push(line),
    readFile: (path) => {
      const text = this.texts.get(path);
      return text === undefined
        ? systemFiles.read(path, Infinity)
        : Promise.resolve(encodeUtf8(text));
    },
    files: systemFiles,
  };

  constructor(texts: Record<string, string> = {}) {
    for (const [path, text] of Object.entries(texts)) this.texts.set(path, text);
  }

  get output(): string {
    return [...this.printed, ...this.errors].join("\n");
  }
}
