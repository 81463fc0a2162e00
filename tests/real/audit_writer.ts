/**
 * A small program that writes an audit log with the real adapter on the real disk: several writers, a
 * segment that grows full, a day that turns, seals, a shipment and a removal. Prints `ack N` for each
 * record that it was told is safe, `refused N` for each that it was not.
 */
import { createEntry } from "../fakes/audit.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { openLog } from "./audit_log.ts";

const DAY_MS = 86_400_000;
const [folder, from] = Deno.args;
const clock = new FakeClock(Date.parse("2026-11-22T10:00:00Z"));
let index = Number(from);
const encoder = new TextEncoder();
// Synchronous, so that a death afterwards cannot take the word back.
const say = (line: string) => void Deno.stdout.writeSync(encoder.encode(`${line}\n`));

const attempt = <T>(work: Promise<T>) => work.catch((error) => say(`error ${error.message}`));
const log = await openLog(folder!, clock, 1500);

async function write(): Promise<void> {
  const mine = index++;
  await log.record(createEntry(mine)).then(() => say(`ack ${mine}`), () => say(`refused ${mine}`));
}

say("open");
await Promise.all([write(), write(), write()]);
await write();
await attempt(log.seal());
clock.advance(DAY_MS);
await write();
for (const { fileName } of log.segments.list().slice(0, 1)) {
  const shipment = { key: "k", bytes: 1, sha256: "0".repeat(64), shippedAtMs: 1 };
  await attempt(
    log.segments.markShipped(fileName, shipment).then(() => log.segments.removeOldest(fileName)),
  );
}
await write();
await log.close();
say("closed");
