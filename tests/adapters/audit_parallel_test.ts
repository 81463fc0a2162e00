import assert from "node:assert/strict";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { runSegmentJob } from "../../src/core/audit/segment_job.ts";
import { treeRoot } from "../../src/core/audit/merkle.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { createAuditFixture, createEntry } from "../fakes/audit.ts";

const DAY_MS = 86_400_000;
/** In the threads' place, and as they do it: no more than the job is known. */
const verifier = { count: 2, verify: runSegmentJob };

async function look(directory: string, beside: boolean, stops: readonly number[]) {
  const seen: string[] = [];
  const visit = Object.assign(
    ({ seq }: { seq: number }, { head, sealedBy }: Parameters<typeof show>[0]) => {
      if (stops.includes(seq)) seen.push(show({ head, sealedBy }));
    },
    { next: (after: number) => stops.find((stop) => stop > after) ?? Infinity },
  );
  try {
    const { state, segments } = await followDirectory(
      systemFiles,
      directory,
      null,
      visit,
      beside ? verifier : undefined,
    );
    return { state, ends: segments.map(({ end }) => end), seen };
  } catch (error) {
    return (error as Error).message;
  }
}

function show({ head, sealedBy }: Awaited<ReturnType<typeof followDirectory>>["state"] | {
  head: Awaited<ReturnType<typeof followDirectory>>["state"]["head"];
  sealedBy: string | null;
}): string {
  return `${head.sequence} ${head.hash} ${treeRoot(head.tree).toHex()} ${sealedBy}`;
}

Deno.test("segments verified side by side make what following them in order makes, harm included", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open(systemFiles, 1800);
  for (let index = 0; index < 40; index++) {
    await log.record({ ...createEntry(index), type: index % 9 === 0 ? "agent.x" : "execution.y" });
    if (index % 15 === 14) fixture.clock.advance(DAY_MS);
  }
  await log.close();
  const { directory } = fixture;
  const stops = [1, 2, 7, 20, 33, 40, 50];
  const inOrder = await look(directory, false, stops);
  assert.ok(typeof inOrder === "object" && inOrder.ends.length > 6);
  assert.equal(inOrder.seen.length, stops.length);
  assert.deepEqual(await look(directory, true, stops), inOrder);
  const names = (await systemFiles.list(directory)).filter((name) => name.endsWith(".jsonl"));
  for (const [index, name] of names.entries()) {
    const path = `${directory}/${name}`;
    const whole = await Deno.readFile(path);
    const lines = new TextDecoder().decode(whole).trimEnd().split("\n");
    const text = (changed: readonly string[]) =>
      new TextEncoder().encode(changed.join("\n") + "\n");
    const harms = [
      whole.with(60, whole[60]! ^ 1),
      whole.with(whole.length - 100, whole[whole.length - 100]! ^ 1),
      whole.subarray(0, -1),
      new Uint8Array(),
      text(lines.slice(0, -1)),
      text(lines.slice(1)),
      text([...lines, lines.at(-1)!]),
      await Deno.readFile(`${directory}/${names[(index + 1) % names.length]}`),
    ];
    for (const [number, harmed] of harms.entries()) {
      await Deno.writeFile(path, harmed);
      const found = await look(directory, false, stops);
      assert.deepEqual(await look(directory, true, stops), found, `${name}, harm ${number}`);
      const isLast = index === names.length - 1;
      if (!isLast) assert.equal(typeof found, "string", `${name}, harm ${number}`);
    }
    await Deno.remove(path);
    assert.deepEqual(await look(directory, true, stops), await look(directory, false, stops));
    await Deno.writeFile(path, whole);
  }
});

Deno.test("segments verified side by side are no more than the threads and one", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open(systemFiles, 1000);
  for (let index = 0; index < 30; index++) await log.record(createEntry(index));
  await log.close();
  let [running, most] = [0, 0];
  const counting = {
    count: 2,
    async verify(job: Parameters<typeof runSegmentJob>[0]) {
      most = Math.max(most, ++running);
      const result = await runSegmentJob(job);
      running -= 1;
      return result;
    },
  };
  const visit = Object.assign(() => {}, { next: () => Infinity });
  const { segments } = await followDirectory(systemFiles, fixture.directory, null, visit, counting);
  assert.ok(segments.length > 8);
  assert.ok(most <= 3, `${most}`);
});
