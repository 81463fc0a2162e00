/** A real peer that was asked for and is not there: what it takes, for people and for machines. */
import { describeError } from "../../errors.ts";
import type { CliIo } from "../io.ts";

export interface Prerequisite {
  readonly peer: string;
  readonly address: string;
  /** What it must have for the story to be played on it. */
  readonly takes: string;
}

export class MissingPeerError extends Error {
  override readonly name = "MissingPeerError";

  constructor(readonly prerequisite: Prerequisite, cause: unknown) {
    super(`${prerequisite.peer} at ${prerequisite.address}: ${describeError(cause)}`, { cause });
  }
}

/** Throws MissingPeerError in the place of whatever `open` throws. */
export async function required<T>(
  prerequisite: Prerequisite,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw new MissingPeerError(prerequisite, error);
  }
}

/** @param path of a file in a folder that exists */
export async function reportMissing(
  { message, prerequisite }: MissingPeerError,
  path: string,
  io: Pick<CliIo, "printError">,
): Promise<void> {
  const missing = [{ ...prerequisite, problem: message }];
  await Deno.writeTextFile(path, `${JSON.stringify({ missing }, null, 2)}\n`);
  io.printError(`error: ${message}`);
  io.printError(`  it takes: ${prerequisite.takes}`);
  io.printError(`  written to ${path}`);
}
