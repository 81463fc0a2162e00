/** An HTTP proxy that opens tunnels (RFC 9110, 9.3.6), and passes requests of plain HTTP on. */
import { decodeUtf8, encodeBase64, encodeUtf8 } from "../../src/core/encoding.ts";

export interface ConnectProxy {
  readonly url: string;
  /** `host:port` of each tunnel that was opened. */
  readonly tunnels: readonly string[];
  /** What is answered instead of opening a tunnel, such as `403 Forbidden`. */
  refuseWith: string | null;
  /** Credentials that are taken, `user:password`; null lets everybody through. */
  credentials: string | null;
  close(): Promise<void>;
}

const HEAD_END = "\r\n\r\n";

export function startConnectProxy(credentials: string | null = null): ConnectProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tunnels: string[] = [];
  const open = new Set<Deno.TcpConn>();
  const working = new Set<Promise<void>>();

  async function tunnel(client: Deno.TcpConn): Promise<void> {
    const head = await readHead(client);
    const [, target] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const refusal = proxy.refuseWith ??
      (isWelcome(head) ? null : "407 Proxy Authentication Required");
    if (target === undefined || refusal !== null) {
      const status = refusal ?? "405 Method Not Allowed";
      await client.write(encodeUtf8(`HTTP/1.1 ${status}\r\ncontent-length: 0${HEAD_END}`));
      return;
    }
    const [hostname, port] = target.split(":");
    const server = await Deno.connect({ hostname: hostname!, port: Number(port) });
    open.add(server);
    tunnels.push(target);
    await client.write(encodeUtf8(`HTTP/1.1 200 Connection established${HEAD_END}`));
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
    open.delete(server);
  }

  function isWelcome(head: string): boolean {
    if (proxy.credentials === null) return true;
    const expected = encodeBase64(encodeUtf8(proxy.credentials));
    return head.includes(`Proxy-Authorization: Basic ${expected}\r\n`);
  }

  const accepting = (async () => {
    for await (const client of listener) {
      open.add(client);
      const work = tunnel(client).catch(() => {}).finally(() => {
        open.delete(client);
        working.delete(work);
        shut(client);
      });
      working.add(work);
    }
  })().catch(() => {});

  const proxy: ConnectProxy = {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    tunnels,
    refuseWith: null,
    credentials,
    async close() {
      listener.close();
      for (const connection of open) shut(connection);
      await accepting;
      await Promise.all(working);
    },
  };
  return proxy;
}

async function readHead(client: Deno.TcpConn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes(HEAD_END)) {
    const count = await client.read(buffer);
    if (count === null) throw new Error("the client hung up");
    head += decodeUtf8(buffer.slice(0, count));
  }
  return head;
}

function shut(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch { /* it is closed already */ }
}
