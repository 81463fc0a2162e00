/** An embedded API server and a plain HTTPS client to it, for the tests beside this file. */
import { decodeUtf8 } from "../../src/core/encoding.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import {
  type EmbeddedKubernetes,
  type KubernetesOptions,
  startKubernetes,
} from "../../src/embedded/kubernetes/server.ts";
import type { JsonObject, KubeObject } from "../../src/embedded/kubernetes/json.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: KubeObject & { message?: string; details?: JsonObject };
}

export interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  /** null sends none. */
  readonly token?: string | null;
  readonly accept?: string;
}

export interface Session {
  readonly kubernetes: EmbeddedKubernetes;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Server-side apply; `query` is added to the manager's name. */
  apply(path: string, manager: string, body: unknown, query?: string): Promise<Answer>;
  watch(path: string): Promise<WatchLines>;
  /** Asks again until `isDone`, which a lost test deadline would end. */
  until(path: string, isDone: (object: KubeObject) => boolean): Promise<KubeObject>;
}

/** The events of a watch, one at a time; null when the server ended it. */
export interface WatchLines {
  next(): Promise<{ type: string; object: KubeObject } | null>;
  close(): Promise<void>;
}

let sharedPki: Promise<Pki> | undefined;

export async function withKubernetes(
  act: (session: Session) => Promise<void>,
  options: Partial<KubernetesOptions> = {},
): Promise<void> {
  const pki = await (sharedPki ??= createPki());
  const runtime = systemRuntime();
  const kubernetes = await startKubernetes({ pki, clock: runtime.clock, ...options });
  const peer = new Peer(runtime, {
    name: "kubernetes",
    baseUrl: kubernetes.url,
    caPem: pki.caPem,
    timeoutMs: 10_000,
    maxResponseBytes: 8 * 1024 * 1024,
  });
  const headersOf = ({ token = kubernetes.token, type = "application/json" }: CallOptions) => ({
    "content-type": type,
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  });
  const session: Session = {
    kubernetes,
    async call(method, path, options = {}) {
      const { body } = options;
      const answer = await peer.send({
        method,
        path,
        headers: headersOf(options),
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
      const response = await peer.open({
        method: "GET",
        path,
        headers: headersOf({}),
        signal: new AbortController().signal,
      });
      return watchLines(response);
    },
    async until(path, isDone) {
      const separator = path.lastIndexOf("/");
      const [collection, name] = [path.slice(0, separator), path.slice(separator + 1)];
      const lines = await session.watch(
        `${collection}?watch=true&fieldSelector=metadata.name=${name}`,
      );
      try {
        for (let event = await lines.next(); event; event = await lines.next()) {
          if (isDone(event.object)) return event.object;
        }
        throw new Error(`the watch of ${path} ended`);
      } finally {
        await lines.close();
      }
    },
  };
  try {
    await act(session);
  } finally {
    peer.close();
    await kubernetes.close();
  }
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

export const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

export function deployment(name: string, spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image: "registry.local/web:1" }] },
      },
      ...spec,
    },
  };
}

export function configMap(name: string, data: { [key: string]: string } = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}
