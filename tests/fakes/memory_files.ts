/** A disk that holds what a test gives it, for code that only reads. */
import { InvalidInputError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";

/** @param contents by path; an Error is thrown when its path is read */
export function memoryFiles(contents: Record<string, string | Uint8Array | Error>): Files {
  return {
    read(path: string, maxBytes: number) {
      const content = Object.hasOwn(contents, path) ? contents[path]! : null;
      if (content === null) return Promise.resolve(null);
      if (content instanceof Error) return Promise.reject(content);
      const bytes = new Uint8Array(
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
      return bytes.length > maxBytes
        ? Promise.reject(new InvalidInputError("too_large", `${path} is too large`))
        : Promise.resolve(bytes);
    },
  } as Pick<Files, "read"> as Files;
}
