/**
 * The receiver of all senders: counts what comes and answers 204, without looking into it. Beside it,
 * for the agents, an embedded control plane and Vault, since nobody streams who has not registered.
 *
 * `deno run … sink_program.ts`, which tells its address: `/write/NAME` takes what NAME sends, `/counts` says how
 * much that was, `/agent/NAME` opens a control plane for an agent.
 */
import { fetchIdentityKeys } from "../../../src/embedded/control_plane/registrar.ts";
import { startControlPlane } from "../../../src/embedded/control_plane/start.ts";
import { createPki } from "../../../src/embedded/pki.ts";
import { serveTls } from "../../../src/embedded/serve.ts";
import { startVault } from "../../../src/embedded/vault.ts";
import { systemClock } from "../../../src/runtime_deno.ts";
import { tell } from "./events.ts";
import type { Counts, Peers } from "./sink.ts";

const clock = systemClock();
const pki = await createPki();
const vault = await startVault({ pki, clock });
const counts: Record<string, Counts> = {};

/** Each agent has a control plane of its own, so that each is counted by itself. */
async function openControlPlane(name: string): Promise<string> {
  const controlPlane = await startControlPlane({
    pki,
    clock,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
  });
  const client = Deno.createHttpClient({ caCerts: [pki.caPem] });
  const front = await serveTls(pki, name, async (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/signals") return await count(name, request);
    const { method, headers, body } = request;
    return await fetch(`${controlPlane.url}${pathname}${search}`, {
      client,
      method,
      headers,
      body,
    });
  });
  controlPlane.advertise(front.url);
  return front.url;
}

async function count(name: string, request: Request): Promise<Response> {
  const sums = counts[name] ??= { requests: 0, bytes: 0 };
  let bytes = 0;
  for await (const piece of request.body ?? []) bytes += piece.length;
  counts[name] = { requests: sums.requests + 1, bytes: sums.bytes + bytes };
  return new Response(null, { status: 204 });
}

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) => {
    const [, verb, name] = new URL(request.url).pathname.split("/");
    if (verb === "write") return await count(name!, request);
    if (verb === "counts") return Response.json(counts);
    if (verb === "agent") {
      return Response.json(
        {
          controlPlane: await openControlPlane(name!),
          vault: vault.url,
          vaultToken: vault.createToken(),
          caPem: pki.caPem,
          listener: await pki.issue("connector listener"),
        } satisfies Peers,
      );
    }
    return new Response(null, { status: 404 });
  },
);
tell({ event: "open", url: `http://127.0.0.1:${server.addr.port}` });
