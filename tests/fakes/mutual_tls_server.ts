/** A server over TLS that answers nobody without a client certificate of its authority. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Buffer } from "node:buffer";
import type { Pki } from "../../src/embedded/pki.ts";
import type { Handler } from "../../src/embedded/serve.ts";

export interface MutualTlsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param clients whose certificates are taken */
export async function serveMutualTls(
  pki: Pki,
  clients: Pki,
  handler: Handler,
): Promise<MutualTlsServer> {
  const { certPem: cert, keyPem: key } = await pki.issue("mutual");
  const options = { cert, key, ca: [clients.caPem], requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, async (incoming, outgoing) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of incoming) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const request = new Request(`https://127.0.0.1${incoming.url}`, {
      method: incoming.method!,
      headers: Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      ...(body.length > 0 ? { body } : {}),
    });
    const answer = await handler(request);
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const piece of answer.body ?? []) outgoing.write(piece);
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
