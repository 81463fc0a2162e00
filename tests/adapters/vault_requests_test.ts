import assert from "node:assert/strict";
import nodeVault from "node-vault";
import * as z from "zod";
import type { Peer, PeerRequest } from "../../src/adapters/peer.ts";
import { VaultClient } from "../../src/adapters/vault_client.ts";
import { SecretMask } from "../../src/log.ts";

const ENDPOINT = "https://vault.example:8200";
const NAMESPACE = "team-a";
const TOKEN = "s.token";

/** What goes out, with the names of headers in small letters: HTTP tells no difference. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

function sentByNodeVault() {
  const sent: Sent[] = [];
  const transport = (options: {
    method: string;
    uri: string;
    headers: Record<string, string>;
    json?: unknown;
  }) => {
    sent.push({
      method: options.method,
      path: options.uri.slice(ENDPOINT.length),
      headers: smallNames(options.headers),
      body: options.json,
    });
    return Promise.resolve({ statusCode: 200, body: {}, request: { path: "" } });
  };
  const client = nodeVault({
    endpoint: ENDPOINT,
    namespace: NAMESPACE,
    token: TOKEN,
    "request-promise": { defaults: () => transport },
    debug: () => {},
  });
  return { sent, client };
}

function sentByUs() {
  const sent: Sent[] = [];
  const peer = {
    send({ method, path, headers, body }: PeerRequest) {
      sent.push({
        method,
        path,
        headers: smallNames(headers ?? {}),
        body: body === undefined ? undefined : JSON.parse(String(body)),
      });
      return Promise.resolve({
        status: 200,
        headers: new Headers(),
        body: new TextEncoder().encode("{}"),
      });
    },
  };
  const client = new VaultClient(peer as Peer, { namespace: NAMESPACE }, new SecretMask());
  return { sent, client };
}

function smallNames(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
      // These two are the transport's, which node-vault leaves to axios.
      .filter(([name]) => name !== "content-type" && name !== "x-vault-request"),
  );
}

Deno.test("VaultClient sends what node-vault sends, for reading and for writing", async () => {
  const theirs = sentByNodeVault();
  const ours = sentByUs();
  const paths = ["auth/token/lookup-self", "identity/oidc/token/connector", "secret/data/a/b"];
  for (const path of paths) {
    await theirs.client.read(path);
    await ours.client.call(z.unknown(), { path, token: TOKEN });
  }
  const data = { role: "connector", jwt: "header.claims.signature" };
  await theirs.client.write("auth/kubernetes/login", data);
  await ours.client.call(z.unknown(), { path: "auth/kubernetes/login", data, token: TOKEN });
  assert.deepEqual(ours.sent, theirs.sent);
});
