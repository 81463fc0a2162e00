/**
 * A server over TLS whose certificate can be renewed. Deno's cannot exchange theirs, so another one takes
 * the port over: the first lets it go at once and answers what it has begun. For that moment, of a few
 * milliseconds, connections are refused. Sharing the port (SO_REUSEPORT) would close that gap, and would
 * let another program of the same user take a part of the connections, unnoticed. A server that shuts down
 * reads no more of a body that is on its way, hence a moment is chosen when no request is under way.
 */
import { describeError, StalledError } from "../errors.ts";
import type { KeyPair, RequestHandler, TlsOptions, TlsServer } from "../runtime.ts";

/** A body has 15 s to come; whoever takes longer over an answer has read it. */
const QUIET_LIMIT_MS = 20_000;
const LOOK_EVERY_MS = 5;
/** The event loop needs a turn or two to let go of a port. */
const PORT_LIMIT_MS = 2000;

/** @param quietLimitMs how long a renewal waits for a moment without requests */
export function serveTls(
  options: TlsOptions,
  handler: RequestHandler,
  quietLimitMs = QUIET_LIMIT_MS,
): TlsServer {
  const { address: hostname } = options;
  let underWay = 0;
  const counted = async (request: Request) => {
    underWay += 1;
    try {
      return await handler(request);
    } finally {
      underWay -= 1;
    }
  };
  const listen = ({ certPem: cert, keyPem: key }: KeyPair, port: number) =>
    Deno.serve({ hostname, port, cert, key, onListen: () => {} }, counted);
  let server: ReturnType<typeof listen>;
  try {
    server = listen(options, options.port);
  } catch (cause) {
    const reason = describeError(cause);
    const message = `Cannot listen on ${hostname}:${options.port}: ${reason}`;
    throw new StalledError("config_invalid", message, {
      cause,
      hint: "check listener.address and port, and that certFile and keyFile are PEM files",
    });
  }
  const { port } = server.addr;
  const ending = new Set<Promise<void>>();
  return {
    port,
    async renew(pair) {
      assertPair(pair);
      const limitMs = performance.now() + quietLimitMs;
      while (underWay > 0 && performance.now() < limitMs) await pause(LOOK_EVERY_MS);
      const ended = server.shutdown().then(() => void ending.delete(ended));
      ending.add(ended);
      server = await onceFree(() => listen(pair, port));
    },
    async close() {
      await Promise.all([server.shutdown(), ...ending]);
    },
  };
}

/** As the server would judge it, without a port. */
function assertPair({ certPem: cert, keyPem: key }: KeyPair): void {
  try {
    Deno.createHttpClient({ cert, key }).close();
  } catch (cause) {
    throw new StalledError("config_invalid", `The pair cannot be used: ${describeError(cause)}`, {
      cause,
      hint: "certificate and key must be PEM, and belong together",
    });
  }
}

/** Throws AddrInUse when another program was faster. */
async function onceFree<T>(listen: () => T): Promise<T> {
  const limitMs = performance.now() + PORT_LIMIT_MS;
  for (;;) {
    try {
      return listen();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || performance.now() > limitMs) throw error;
    }
    await pause(1);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
