/** A client certificate for Prometheus that is renewed on the disk, first with the wrong key, while metrics stream. */
import assert from "node:assert/strict";
import type { Config } from "../../src/config/schema.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { isOk, start, until, withWorld } from "../fakes/agent_world.ts";
import { hurriedClock } from "../fakes/hurried_clock.ts";
import { type MutualTlsServer, serveMutualTls } from "../fakes/mutual_tls_server.ts";
import { assertTiles, untilWhole } from "../fakes/sent_windows.ts";

/** Hands every request on to the embedded Prometheus. */
async function withFront(
  world: World,
  work: (front: MutualTlsServer) => Promise<void>,
): Promise<void> {
  const client = systemHttp.client({ caPem: world.pki.caPem });
  const front = await serveMutualTls(world.pki, world.pki, async (request) => {
    const { pathname } = new URL(request.url);
    const answer = await client.fetch(world.prometheus.url + pathname, {
      method: request.method,
      headers: {
        authorization: request.headers.get("authorization")!,
        "content-type": request.headers.get("content-type")!,
      },
      body: await request.text(),
    });
    const { status } = answer;
    const type = answer.headers.get("content-type") ?? "";
    return new Response(await answer.text(), { status, headers: { "content-type": type } });
  });
  try {
    await work(front);
  } finally {
    await front.close();
    client.close();
  }
}

Deno.test("an agent takes up a renewed client certificate between two windows, and loses none", () =>
  withWorld((world) =>
    withFront(world, async (front) => {
      const { url } = front;
      const clientCertFile = `${world.folder}/client.crt`;
      const clientKeyFile = `${world.folder}/client.key`;
      const put = async ({ certPem, keyPem }: { certPem: string; keyPem: string }) => {
        await Deno.writeTextFile(clientCertFile, certPem);
        await Deno.writeTextFile(clientKeyFile, keyPem);
      };
      const first = await world.pki.issueClient("first");
      await put(first);
      const prometheus = { ...world.config.prometheus!, url, clientCertFile, clientKeyFile };
      const config = { ...world.config, prometheus } as Config;
      const lines: string[] = [];
      const agent = await start({ config, clock: hurriedClock(world.clock) }, { lines });
      const count = (event: string) => lines.filter((line) => line.includes(`"${event}"`)).length;
      const batches = () => world.controlPlane.signals.batches.length;
      try {
        await until(() => isOk(agent, "signals") && batches() > 2);
        const second = await world.pki.issueClient("second");

        await put({ ...second, keyPem: first.keyPem });
        await until(() => count("client_refused") > 0);
        assert.equal(agent.health.get("prometheus")?.state, "stalled");
        const before = batches();
        await until(() => batches() > before + 2);

        await put(second);
        await until(() => count("client_renewed") > 0);
        assert.ok(isOk(agent, "prometheus"));
        const after = batches();
        await until(() => batches() > after + 2);
        assert.equal(count("agent_started"), 1);
        for (const { name: query } of config.signals.queries) {
          await untilWhole({ world, query }, config.stateDir);
        }
        assert.deepEqual(world.controlPlane.signals.gaps, []);
        assert.equal(front.brokenOff, 0, "calls under way end whole");
      } finally {
        await agent.stop();
      }
      for (const { name: query } of config.signals.queries) {
        assertTiles({ world, query }, config.stateDir);
      }
    })
  ));
