/** The log proves itself, here and in the archive. */
import { systemFiles } from "../../../runtime_deno/files.ts";
import { runAuditVerify } from "../../audit.ts";
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";

type Source = Parameters<typeof runAuditVerify>[0]["source"];

/** The command, with its words kept: what `neuralops-connector audit verify` would say. */
async function verify(source: Source): Promise<{ exitCode: number; words: string }> {
  const words: string[] = [];
  const keep = (line: string) => void words.push(line);
  const exitCode = await runAuditVerify(
    { source, checkpoints: [], output: "text" },
    { print: keep, printError: keep, readFile: (path) => Deno.readFile(path), files: systemFiles },
  );
  return { exitCode, words: words[0] ?? "" };
}

export async function chain({ scorecard, world }: Stage): Promise<void> {
  const directory = `${world.folder}/state/audit`;
  const copy = `${world.folder}/audit-copy`;
  await scorecard.check("audit chain verified", async () => {
    const { exitCode, words } = await verify({ directory });
    demand(exitCode === 0, words);
    return words;
  });
  await scorecard.check("control plane holds a proven head of the audit log", () => {
    const { audit, heartbeats } = world.controlPlane;
    demand(audit.alarms.length === 0, `alarm: ${audit.alarms[0]?.problem}`);
    const heads = heartbeats.flatMap(({ heartbeat }) => heartbeat.audit ?? []);
    const proven = heads.filter(({ consistency }) => consistency !== null);
    demand(proven.length > 0, "no heartbeat carried a consistency proof");
    return `${heads.length} heads, ${proven.length} with a proof of growth, the last of ${
      heads.at(-1)!.size
    } records`;
  });
  await scorecard.check("one flipped byte in the audit log found", async () => {
    await Deno.mkdir(copy);
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile) {
        await Deno.writeFile(`${copy}/${name}`, await Deno.readFile(`${directory}/${name}`));
      }
    }
    const [first] = (await systemFiles.list(copy)).filter((name) => name.endsWith(".jsonl"));
    demand(first !== undefined, "there is no segment to damage");
    const bytes = await Deno.readFile(`${copy}/${first}`);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    await Deno.writeFile(`${copy}/${first}`, bytes);
    const { exitCode, words } = await verify({ directory: copy });
    demand(exitCode === 1, "the damage was not noticed");
    return words;
  });
}

/** The agent is started again on the next day; what it does about the metrics is not of interest here. */
export async function archive(stage: Stage): Promise<void> {
  const { world, scorecard, narrator } = stage;
  await scorecard.check("audit day uploaded to S3 and verified from there", async () => {
    const { signals } = world.written;
    await stage.restart({ prometheus: undefined, signals: { ...signals, queries: [] } }, () => {
      world.clock.toNextDay();
      narrator.tell(`the next day: ${new Date(world.clock.now()).toISOString()}`);
    });
    const store = world.archive.open();
    const prefix = world.config.audit.s3!.prefix;
    try {
      const objects = await stage.until("the sealed day in the bucket", async () => {
        const found = await Array.fromAsync(store.versions(`${prefix}/`));
        return found.some(({ key }) => key.endsWith(".jsonl")) ? found : null;
      });
      const { exitCode, words } = await verify({ archive: store, prefix, chainId: null });
      demand(exitCode === 0, words);
      const lock = await store.hasObjectLock() ? "under Object Lock" : "without Object Lock";
      return `${objects.length} objects ${lock}; ${words}`;
    } finally {
      await store.close();
    }
  });
}
