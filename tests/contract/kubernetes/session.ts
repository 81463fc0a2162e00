/** A plain HTTPS client to a Kubernetes API server, embedded or real, as the tests need it. */
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import { Peer } from "../../../src/adapters/peer.ts";
import type { JsonObject, KubeObject } from "../../../src/embedded/kubernetes/json.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";

/** Who asks; without a token and a certificate, nobody in particular. */
export interface Identity {
  readonly token?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

export interface Address {
  readonly url: string;
  readonly caPem: string;
  /** May do everything. */
  readonly admin: Identity;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: KubeObject & { message?: string; details?: JsonObject };
}

export interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  /** The admin unless given. */
  readonly as?: Identity;
}

export interface Session {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Server-side apply; `query` is added to the manager's name. */
  apply(path: string, manager: string, body: unknown, query?: string): Promise<Answer>;
  watch(path: string): Promise<WatchLines>;
  /** Watches the object until `isDone`, which a lost test deadline would end. */
  until(path: string, isDone: (object: KubeObject) => boolean): Promise<KubeObject>;
  /** Watches the object until it is gone. */
  untilGone(path: string): Promise<void>;
}

/** The events of a watch, one at a time; null when the server ended it. */
export interface WatchLines {
  next(): Promise<{ type: string; object: KubeObject } | null>;
  close(): Promise<void>;
}

export async function withSession(
  address: Address,
  act: (session: Session) => Promise<void>,
): Promise<void> {
  const peers = new Map<string, Peer>();
  const peerOf = ({ certPem, keyPem }: Identity): Peer => {
    const known = peers.get(certPem ?? "");
    if (known) return known;
    const peer = new Peer(systemRuntime(), {
      name: "kubernetes",
      baseUrl: address.url,
      caPem: address.caPem,
      ...(certPem && keyPem ? { certPem, keyPem } : {}),
      timeoutMs: 10_000,
      maxResponseBytes: 8 * 1024 * 1024,
    });
    peers.set(certPem ?? "", peer);
    return peer;
  };
  const watches: WatchLines[] = [];
  try {
    await act(sessionOn(address.admin, peerOf, watches));
  } finally {
    // A case that failed has not closed its own; one that broke off cannot be closed any more.
    for (const watch of watches) await watch.close().catch(() => {});
    for (const peer of peers.values()) peer.close();
  }
}

function sessionOn(
  admin: Identity,
  peerOf: (identity: Identity) => Peer,
  watches: WatchLines[],
): Session {
  const headersOf = ({ token }: Identity, type = "application/json") => ({
    "content-type": type,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
  const session: Session = {
    async call(method, path, { body, type, as = admin } = {}) {
      const answer = await peerOf(as).send({
        method,
        path,
        headers: headersOf(as, type),
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = decodeUtf8(answer.body);
      return { ...answer, body: text.startsWith("{") ? JSON.parse(text) : {} };
    },
    apply: (path, manager, body, query = "") =>
      session.call("PATCH", `${path}?fieldManager=${manager}${query}`, {
        body,
        type: "application/apply-patch+yaml",
      }),
    async watch(path) {
      const response = await peerOf(admin).open({
        method: "GET",
        path,
        headers: headersOf(admin),
        signal: new AbortController().signal,
      });
      const lines = watchLines(response);
      watches.push(lines);
      return lines;
    },
    async until(path, isDone) {
      const lines = await session.watch(watchPath(path));
      try {
        for (let event = await lines.next(); event; event = await lines.next()) {
          if (isDone(event.object)) return event.object;
        }
        throw new Error(`the watch of ${path} ended`);
      } finally {
        await lines.close();
      }
    },
    async untilGone(path) {
      const { body, status } = await session.call("GET", path);
      if (status === 404) return;
      const since = `&resourceVersion=${body.metadata.resourceVersion}`;
      const lines = await session.watch(watchPath(path) + since);
      let event = await lines.next();
      while (event && event.type !== "DELETED") event = await lines.next();
      await lines.close();
      if (!event) throw new Error(`the watch of ${path} ended`);
    },
  };
  return session;
}

function watchPath(path: string): string {
  const separator = path.lastIndexOf("/");
  const [collection, name] = [path.slice(0, separator), path.slice(separator + 1)];
  return `${collection}?watch=true&fieldSelector=metadata.name=${name}`;
}

function watchLines(response: Response): WatchLines {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  return {
    async next() {
      for (let end = buffer.indexOf("\n"); end < 0; end = buffer.indexOf("\n")) {
        const { done, value } = await reader.read();
        if (done) return null;
        buffer += value;
      }
      const end = buffer.indexOf("\n");
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 1);
      return JSON.parse(line);
    },
    close: () => reader.cancel(),
  };
}
