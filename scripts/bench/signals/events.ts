/** What the bench's helper processes say on standard output: one line of JSON for each event. */
import { linesOf } from "../footprint/lines.ts";

export interface OpenEvent {
  readonly event: "open";
  /** Where it listens. */
  readonly url: string;
}

export function tell(event: OpenEvent): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
}

/** Resolves with the first event; what is said after it is not read. */
export async function firstEvent(
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<OpenEvent> {
  for await (const line of linesOf(stdout)) return JSON.parse(line);
  throw new Error("a helper of the bench ended before it was open");
}
