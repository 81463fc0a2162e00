/** `simulate`: the real agent against embedded peers, or the real ones that a file names, over real TLS. */
import { VERSION } from "../../agent/version.ts";
import type { ConfigInput } from "../../config/schema.ts";
import { StalledError } from "../../errors.ts";
import type { CliIo, ExitCode } from "../io.ts";
import { type Launch, launchHere } from "./actor.ts";
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
import { movableClock } from "./clock.ts";
import { Narrator } from "./narrator.ts";
import { MissingPeerError, reportMissing } from "./prerequisites.ts";
import { pathsIn, writeReport } from "./report.ts";
import { Scorecard } from "./scorecard.ts";
import { readSections } from "./sections.ts";
import { Stage } from "./stage.ts";
import { createWorld, type World } from "./world.ts";

export interface SimulateOptions {
  /** A file whose sections name real peers. */
  readonly config?: string;
  /** Folder of the report, the log, and the agent's files while it runs. */
  readonly output: string;
}

export interface Staging {
  /** Everything that the run writes but its report goes there; its own, so that two runs can go at once. */
  readonly folder?: string;
  /** Who plays the agent. */
  readonly launch?: Launch;
}

/**
 * 0 when every criterion passed. Throws StalledError `state_unwritable` when there is no place for its files.
 * @param stopped resolves when the user has had enough
 */
export async function simulate(
  io: CliIo,
  stopped: Promise<void>,
  { config, output }: SimulateOptions,
  {
    folder = `${asConfigured(output)}/simulate-${crypto.randomUUID().slice(0, 8)}`,
    launch = launchHere,
  }: Staging = {},
): Promise<ExitCode> {
  const narrator = new Narrator(io);
  const scorecard = new Scorecard(narrator);
  const abort = new AbortController();
  stopped.then(() => abort.abort(new Error("stopped by the user")));
  const real = config === undefined
    ? null
    : { ...await readSections(config, io), env: (name: string) => io.env(name) };

  narrator.chapter("Peers");
  await makeFolder(folder);
  let world: World;
  try {
    world = await createWorld(movableClock(), folder, real);
  } catch (error) {
    if (!(error instanceof MissingPeerError)) throw error;
    await reportMissing(error, pathsIn(output).prerequisites, io);
    await Deno.remove(folder, { recursive: true });
    return 1;
  }
  for (const line of peerLines(world)) narrator.tell(line);
  let stage: Stage | null = null;
  try {
    const start = (changes: Partial<ConfigInput>) =>
      launch(world, changes, (line) => narrator.log(line));
    stage = new Stage(world, await start({}), start, narrator, scorecard, abort.signal);
    await play(stage);
  } catch (error) {
    await scorecard.check("the story runs to its end", () => {
      throw error;
    });
  }
  await stage?.agent.stop();
  await world.close();

  narrator.chapter("Acceptance criteria");
  scorecard.table().forEach((line) => io.print(line));
  narrator.chapter("Peers");
  for (const line of peerLines(world)) io.print(line);
  const paths = pathsIn(output);
  await writeReport(paths, scorecard, narrator, { version: VERSION, peers: peersOf(world) });
  if (scorecard.allPassed) await Deno.remove(world.folder, { recursive: true });
  else io.print(`The agent's state is kept in ${world.folder}`);
  const verdict = scorecard.allPassed ? "All criteria passed" : "NOT all criteria passed";
  io.print(
    `\n${verdict} in ${
      narrator.elapsedSeconds().toFixed(1)
    } s. Report: ${paths.report}, log: ${paths.log}`,
  );
  return scorecard.allPassed ? 0 : 1;
}

/** As the configuration demands of a path. */
function asConfigured(path: string): string {
  return /^\.?\//.test(path) ? path : `./${path}`;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (cause) {
    if (
      !(cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied)
    ) {
      throw cause;
    }
    throw new StalledError("state_unwritable", `Cannot make the folder ${folder}`, {
      cause,
      hint: "name one with --output; the agent's own binary writes under " +
        "/var/lib/neuralops-connector alone",
    });
  }
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
    actions: apply(
      deployment(stage.world.kubernetes.scene.shop, "cart", "registry.example/cart:1.0"),
    ),
  });
  const { body } = await stage.push(bytes, stage.signByKey(bytes));
  const { executionId } = body as { executionId: string };
  await approve(stage, executionId);
  await stage.receipt(executionId, "succeeded");
  return bytes;
}

function peersOf(
  { controlPlane, vault, prometheus, kubernetes, archive }: World,
): (readonly [name: string, kind: string, address: string])[] {
  return [
    ["control plane", "embedded", controlPlane.url],
    ...[vault, prometheus, kubernetes, archive].map(({ name, embedded, url }) =>
      [name, embedded ? "embedded" : "real", url] as const
    ),
  ];
}

function peerLines(world: World): string[] {
  return peersOf(world).map(([name, kind, address]) =>
    `${name.padEnd(16)}${kind.padEnd(10)}${address}`
  );
}
