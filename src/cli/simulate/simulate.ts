/**
 * `simulate`: the real agent against the embedded peers, over real TLS on loopback. The clock stands
 * a little before a UTC midnight, so that a day of the audit log is sealed and shipped while one looks.
 */
import { hostname } from "node:os";
import { type Agent, startAgent } from "../../agent/agent.ts";
import { VERSION } from "../../agent/version.ts";
import { systemClock, systemRuntime } from "../../runtime_deno.ts";
import type { CliIo, ExitCode } from "../io.ts";
import { archive, chain } from "./chapters/audit.ts";
import {
  apply,
  approve,
  approved,
  automatic,
  deployment,
  rolledBack,
} from "./chapters/execution.ts";
import { forwarding, outage } from "./chapters/metrics.ts";
import { refusals, replay } from "./chapters/refusals.ts";
import { heartbeats, registration, renewal } from "./chapters/registration.ts";
import { secrets, transport } from "./chapters/safety.ts";
import { Narrator } from "./narrator.ts";
import { LOG, REPORT, writeReport } from "./report.ts";
import { Scorecard } from "./scorecard.ts";
import { Stage } from "./stage.ts";
import { createWorld, type World } from "./world.ts";

const DAY_MS = 86_400_000;
const BEFORE_MIDNIGHT_MS = 12_000;

/** 0 when every criterion passed. @param stopped resolves when the user has had enough */
export async function simulate(io: CliIo, stopped: Promise<void>): Promise<ExitCode> {
  const narrator = new Narrator(io);
  const scorecard = new Scorecard(narrator);
  const abort = new AbortController();
  stopped.then(() => abort.abort(new Error("stopped by the user")));
  const nextMidnight = Math.ceil(Date.now() / DAY_MS) * DAY_MS;
  const clock = systemClock(nextMidnight - BEFORE_MIDNIGHT_MS - Date.now());

  narrator.chapter("Peers");
  // Its own folder: two runs at once must not stand in each other's state.
  const world = await createWorld(clock, `./reports/simulate-${crypto.randomUUID().slice(0, 8)}`);
  for (const [name, address] of peersOf(world)) narrator.tell(`${name.padEnd(16)}${address}`);
  narrator.tell(`clock           ${new Date(clock.now()).toISOString()}, so that a day ends soon`);
  let agent: Agent | null = null;
  try {
    agent = await startAgent(world.config, {
      runtime: systemRuntime(clock),
      env: () => undefined,
      hostname: hostname(),
      writeLog: (line) => narrator.log(line),
    });
    await play(new Stage(world, agent, narrator, scorecard, abort.signal));
  } catch (error) {
    await scorecard.check("the story runs to its end", () => {
      throw error;
    });
  }
  await agent?.stop();
  await world.close();

  narrator.chapter("Acceptance criteria");
  scorecard.table().forEach((line) => io.print(line));
  await writeReport(scorecard, narrator, { version: VERSION, peers: peersOf(world) });
  if (scorecard.allPassed) await Deno.remove(world.folder, { recursive: true });
  else io.print(`The agent's state is kept in ${world.folder}`);
  const verdict = scorecard.allPassed ? "All criteria passed" : "NOT all criteria passed";
  io.print(
    `\n${verdict} in ${narrator.elapsedSeconds().toFixed(1)} s. Report: ${REPORT}, log: ${LOG}`,
  );
  return scorecard.allPassed ? 0 : 1;
}

async function play(stage: Stage): Promise<void> {
  const { narrator } = stage;
  narrator.chapter("Registration and metrics");
  await registration(stage);
  await forwarding(stage);

  narrator.chapter("Packages that are carried out");
  const first = await succeeded(stage);
  await approved(stage);
  await automatic(stage);
  await rolledBack(stage);

  narrator.chapter("Packages that are refused");
  await refusals(stage);
  await replay(stage, first);

  narrator.chapter("Trouble");
  const revokedAt = stage.world.clock.monotonic();
  await renewal(stage);
  const revocation = [revokedAt, stage.world.clock.monotonic()] as const;
  const down = await outage(stage);
  await stage.pause(2500);
  await heartbeats(stage, [revocation, down]);

  narrator.chapter("Audit and secrecy");
  await archive(stage);
  await chain(stage);
  await transport(stage);
  await secrets(stage, narrator.text());
}

/** A package that runs through, to be sent again later. */
async function succeeded(stage: Stage): Promise<Uint8Array> {
  const bytes = stage.buildPackage({
    name: "deploy-cart",
    stream: "cart",
    sequence: 1,
    actions: apply(deployment("shop", "cart", "registry.example/cart:1.0")),
  });
  const { body } = await stage.push(bytes, stage.signByKey(bytes));
  const { executionId } = body as { executionId: string };
  await approve(stage, executionId, "alice");
  await stage.receipt(executionId, "succeeded");
  return bytes;
}

function peersOf(world: World): (readonly [string, string])[] {
  return [
    ["control plane", `${world.controlPlane.url} (embedded)`],
    ["Vault", `${world.vault.url} (embedded)`],
    ["Prometheus", `${world.prometheus.url} (embedded)`],
    ["Kubernetes API", `${world.kubernetes.url} (embedded)`],
    ["S3", `${world.s3.url} (embedded, Object Lock)`],
  ];
}
