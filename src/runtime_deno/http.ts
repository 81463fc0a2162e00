/** HTTP both ways: pooled clients that refuse redirects, servers over TLS or on a Unix socket. */
import { StalledError } from "../errors.ts";
import type { Http, HttpClient, HttpClientOptions, HttpServer, ServeOptions } from "../runtime.ts";
import { ClientPool, POOL_IDLE_MS } from "./client_pool.ts";
import { systemFiles } from "./files.ts";

async function serve(
  options: ServeOptions,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<HttpServer> {
  const onListen = () => {};
  if ("unixSocket" in options) {
    const path = options.unixSocket;
    // A socket left by a killed process would refuse the bind; the state lock proves it is stale.
    await systemFiles.remove(path);
    const server = Deno.serve({ path, onListen }, handler);
    await Deno.chmod(path, options.mode);
    return { port: 0, close: () => server.shutdown() };
  }
  const { address: hostname, port, certPem: cert, keyPem: key } = options;
  try {
    const server = Deno.serve({ hostname, port, cert, key, onListen }, handler);
    return { port: server.addr.port, close: () => server.shutdown() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StalledError("config_invalid", `Cannot listen on ${hostname}:${port}: ${reason}`, {
      cause: error,
      hint: "check listener.address and port, and that certFile and keyFile are PEM files",
    });
  }
}

function toDenoOptions(options: HttpClientOptions): Record<string, unknown> {
  return {
    // Over HTTP/2 a body above 1 KB waits 44 ms for the acknowledgement of its headers: decision 12.
    http2: false,
    // Before any common server ends an idle connection, which may meet a request on its way.
    poolIdleTimeout: POOL_IDLE_MS,
    ...(options.caPem ? { caCerts: [options.caPem] } : {}),
    ...(options.certPem && options.keyPem ? { cert: options.certPem, key: options.keyPem } : {}),
    ...(options.unixSocket
      ? { proxy: { transport: "unix", path: options.unixSocket } }
      : options.proxy
      ? { proxy: { url: options.proxy } }
      : {}),
  };
}

export const systemHttp: Http = {
  client(options): HttpClient {
    const create = () => Deno.createHttpClient(toDenoOptions(options));
    const pool = new ClientPool(create, () => performance.now());
    return {
      // A redirect would carry a bearer token to a host that nobody configured.
      fetch: (url, init) => pool.fetch(url, { ...init, redirect: "error" }),
      close: () => pool.close(),
    };
  },
  serve,
};
