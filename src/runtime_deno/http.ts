/** HTTP both ways: pooled clients that refuse redirects, servers over TLS or on a Unix socket. */
import type {
  Http,
  HttpClient,
  HttpClientOptions,
  HttpServer,
  RequestHandler,
  UnixSocketOptions,
} from "../runtime.ts";
import { ClientPool, POOL_IDLE_MS } from "./client_pool.ts";
import { systemFiles } from "./files.ts";
import { serveTls } from "./tls_server.ts";

async function serveUnix(
  { unixSocket: path, mode }: UnixSocketOptions,
  handler: RequestHandler,
): Promise<HttpServer> {
  // A socket left by a killed process would refuse the bind; the state lock proves it is stale.
  await systemFiles.remove(path);
  const server = Deno.serve({ path, onListen: () => {} }, handler);
  await Deno.chmod(path, mode);
  return { close: () => server.shutdown() };
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
      ? { proxy: { url: options.proxy, ...basicAuthOf(options) } }
      : {}),
  };
}

function basicAuthOf({ proxyAuth }: HttpClientOptions) {
  return proxyAuth === undefined ? {} : { basicAuth: { ...proxyAuth } };
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
  serveUnix,
  serveTls: (options, handler) => serveTls(options, handler),
};
