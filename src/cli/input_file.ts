/** A file that the command line names: there, readable and of sensible size, or wrong usage. */
import { decodeUtf8 } from "../core/encoding.ts";
import { describeError } from "../errors.ts";
import { type CliIo, UsageError } from "./io.ts";

/** No package, policy, key or certificate comes near it. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Throws UsageError. @param maxBytes Infinity where any file may be named */
export async function readInput(
  io: Pick<CliIo, "readFile">,
  path: string,
  maxBytes = MAX_FILE_BYTES,
): Promise<Uint8Array> {
  let bytes: Uint8Array | null;
  try {
    bytes = await io.readFile(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${describeError(error)}`);
  }
  if (bytes === null) throw new UsageError(`there is no file ${path}`);
  if (bytes.length > maxBytes) throw new UsageError(`${path} is too large`);
  return bytes;
}

/** Throws UsageError. */
export async function readInputText(
  io: Pick<CliIo, "readFile">,
  path: string,
  maxBytes = MAX_FILE_BYTES,
): Promise<string> {
  const bytes = await readInput(io, path, maxBytes);
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new UsageError(`${path} is not a text file`);
  }
}
