/** What must never happen: a word in clear over the network, a secret in anything that is kept. */
import { parseConfig } from "../../../config/load.ts";
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";

export async function transport(stage: Stage): Promise<void> {
  const { world, agent, scorecard } = stage;
  await scorecard.check("everything over TLS, plain HTTP refused", async () => {
    const ports = [world.controlPlane, world.vault, world.prometheus, world.kubernetes, world.s3]
      .map(({ url }) => Number(new URL(url).port));
    for (const port of [...ports, agent.port]) {
      const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
      await answer?.body?.cancel();
      demand(answer === null, `port ${port} answers plain HTTP`);
    }
    const text = await Deno.readTextFile(`${world.folder}/connector.yaml`);
    let refused = 0;
    for (const url of text.match(/https:\/\/127[^"\s]*/g) ?? []) {
      try {
        parseConfig(text.replace(url, url.replace("https:", "http:")), () => undefined, "config");
      } catch {
        refused += 1;
      }
    }
    demand(refused === 4, `the configuration refused ${refused} of 4 http:// addresses`);
    return `${ports.length + 1} ports speak TLS only; 4 of 4 http:// addresses refused`;
  });
}

/** @param log every line that the agent has logged */
export async function secrets(stage: Stage, log: string): Promise<void> {
  const { world, scorecard } = stage;
  await scorecard.check("nothing secret in logs, audit, journal or receipts", async () => {
    const planted = [
      ...Object.values(world.secrets),
      ...world.vault.requests.flatMap(({ token }) => token ?? []),
      world.kubernetes.token,
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
