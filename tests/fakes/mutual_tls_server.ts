/** A server over TLS that answers nobody without a client certificate of its authority. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Buffer } from "node:buffer";
import type { Pki } from "../../src/embedded/pki.ts";
import type { Handler } from "../../src/embedded/serve.ts";

export interface MutualTlsServer {
  readonly url: string;
  /** Calls whose caller hung up before it had the whole answer. */
  readonly brokenOff: number;
  /** Breaks off what is under way; resolves once no handler is at work. */
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
  let brokenOff = 0;
  const answering = new Set<Promise<void>>();
  const server = createServer(options, (incoming, outgoing) => {
    const call = new Call(incoming, outgoing);
    const answered = call.answer(handler).finally(() => {
      answering.delete(answered);
      if (call.isBrokenOff) brokenOff += 1;
    });
    answering.add(answered);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get brokenOff() {
      return brokenOff;
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await Promise.all(answering);
    },
  };
}

class Call {
  isBrokenOff = false;

  constructor(
    private readonly incoming: IncomingMessage,
    private readonly outgoing: ServerResponse,
  ) {}

  /** Rejects when the handler does, unless nobody is left to hear of it. */
  async answer(handler: Handler): Promise<void> {
    const { incoming, outgoing } = this;
    const closed = new Promise<void>((resolve) =>
      outgoing.once("close", () => {
        this.isBrokenOff = !outgoing.writableFinished;
        resolve();
      })
    );
    const body = await this.#read();
    if (body === null) return;
    try {
      await this.#write(await handler(toRequest(incoming, body)));
    } catch (error) {
      if (!this.isBrokenOff) throw error;
    }
    await closed;
  }

  /** null when the caller hung up in mid-body, of which node tells as an error. */
  async #read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of this.incoming) pieces.push(piece);
    } catch {
      this.isBrokenOff = true;
      return null;
    }
    return Buffer.concat(pieces);
  }

  async #write(answer: Response): Promise<void> {
    const { outgoing } = this;
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const piece of answer.body ?? []) outgoing.write(piece);
    outgoing.end();
  }
}

function toRequest({ url, method, headers }: IncomingMessage, body: Uint8Array<ArrayBuffer>) {
  return new Request(`https://127.0.0.1${url}`, {
    method: method!,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    ...(body.length > 0 ? { body } : {}),
  });
}
