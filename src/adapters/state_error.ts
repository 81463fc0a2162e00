/** What the disk said of a file of the state, where it said nothing that is known: a person has to look. */
import { ConnectorError, StalledError } from "../errors.ts";

/** Throws StalledError `state_unwritable` for an error that is not ours, such as EIO. */
export async function stateError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    throw new StalledError("state_unwritable", `Cannot read or write ${path}`, {
      cause: error,
      hint:
        "look at the volume of the state directory, and make it readable and writable for the " +
        "connector's user",
    });
  }
}
