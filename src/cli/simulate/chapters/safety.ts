/** What must never happen: a word in clear over the network, a secret in anything that is kept. */
import { parseConfig } from "../../../config/load.ts";
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";

export async function transport(stage: Stage): Promise<void> {
  const { world, agent, scorecard } = stage;
  await scorecard.check("everything over TLS, plain HTTP refused", async () => {
    const peers = [world.controlPlane, ...peersOf(stage)].map(({ url }) => new URL(url));
    for (const { hostname, port } of [...peers, new URL(`https://127.0.0.1:${agent.port}`)]) {
      const answer = await fetch(`http://${hostname}:${port || 443}/`).catch(() => null);
      await answer?.body?.cancel();
      // Some servers say in clear that they do not speak in clear.
      demand(answer === null || answer.status === 400, `${hostname}:${port} answers plain HTTP`);
    }
    const text = await Deno.readTextFile(`${world.folder}/connector.yaml`);
    const urls = text.match(/(?<=(?:url|address|endpoint): )https:[^"\s]*/g) ?? [];
    let refused = 0;
    for (const url of urls) {
      try {
        parseConfig(text.replace(url, url.replace("https:", "http:")), () => undefined, "config");
      } catch {
        refused += 1;
      }
    }
    demand(
      urls.length > 0 && refused === urls.length,
      `the configuration refused ${refused} of ${urls.length} http:// addresses`,
    );
    return `${
      peers.length + 1
    } ports speak TLS only; ${refused} of ${urls.length} http:// addresses refused`;
  });
}

/** @param log every line that the agent has logged */
export async function secrets(stage: Stage, log: string): Promise<void> {
  const { world, scorecard } = stage;
  await scorecard.check("nothing secret in logs, audit, journal or receipts", async () => {
    const planted = [
      ...peersOf(stage).flatMap((peer) => peer.secrets()),
      ...world.controlPlane.registrations.map(({ request }) => request.identityToken),
    ];
    const kept = new Map([["the log", log]]);
    await collect(`${world.folder}/state`, kept);
    for (const [path, text] of kept) {
      demand(!planted.some((secret) => text.includes(secret)), `${path} holds a secret`);
    }
    return `${new Set(planted).size} planted secrets looked for in ${kept.size} files and logs`;
  });
}

function peersOf({ world }: Stage) {
  return [world.vault, world.prometheus, world.kubernetes, world.archive];
}

async function collect(directory: string, into: Map<string, string>): Promise<void> {
  for await (const entry of Deno.readDir(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) await collect(path, into);
    // The connector's own private key has to be somewhere: in this one file, mode 0600.
    else if (entry.isFile && entry.name !== "key.pem") {
      into.set(path, await Deno.readTextFile(path));
    }
  }
}
