/** Lines for whoever watches the suite. */
const encoder = new TextEncoder();

export function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}
