/** SHA256SUMS, as sha256sum writes it: one file a line. */
import { RefusedError } from "../errors.ts";

export interface Checksum {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly path: string;
}

const LINE = /^([0-9a-f]{64}) [ *]([^\0\r\n]{1,1024})$/;

/** Throws RefusedError `not_in_release` for a text with a line that is none. */
export function parseChecksums(text: string): Checksum[] {
  return text.split("\n").flatMap((line, index) => {
    if (line === "") return [];
    const [, sha256, path] = LINE.exec(line) ?? [];
    if (sha256 !== undefined && path !== undefined) return [{ sha256, path }];
    throw new RefusedError("not_in_release", `line ${index + 1} of the checksums is none`, {
      hint: "give the SHA256SUMS of the release, unchanged",
    });
  });
}
