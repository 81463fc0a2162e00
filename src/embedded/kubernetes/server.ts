/**
 * A Kubernetes API server on loopback TLS, with its state in memory. To a client that uses
 * server-side apply it behaves like the real one; it runs no pods.
 */
import { stringify } from "yaml";
import { encodeBase64, encodeUtf8 } from "../../core/encoding.ts";
import type { Clock } from "../../runtime.ts";
import type { Pki } from "../pki.ts";
import { serveTls, type TlsServer } from "../serve.ts";
import { Definitions } from "./definitions.ts";
import { Deleter } from "./deleter.ts";
import { Endpoint } from "./endpoint.ts";
import type { KubeObject } from "./json.ts";
import type { Hooks } from "./request_info.ts";
import { type Resource, Resources } from "./resources.ts";
import type { ServerState } from "./state.ts";
import { Store } from "./store.ts";
import { SystemWriter } from "./system_writer.ts";
import { Timers } from "./timers.ts";
import { Watcher } from "./watcher.ts";
import { Workloads } from "./workloads.ts";

export interface KubernetesOptions {
  readonly pki: Pki;
  /** Stamps objects; rollouts and watches run on real timers. */
  readonly clock: Clock;
  /** More bearer tokens that are let in, as users `user-1`, `user-2` and so on. */
  readonly tokens?: readonly string[];
  /** How long a rollout takes; 100 ms unless given. */
  readonly rolloutMs?: number;
  /** When a broken rollout is given up; the object's progressDeadlineSeconds unless given. */
  readonly progressDeadlineMs?: number;
  /** Between two bookmarks of a watch; 1 s unless given. */
  readonly bookmarkMs?: number;
}

/** Direct access, past authorization and admission. Objects go in and out as copies. */
export interface ObjectAccess {
  /** null when there is none. Use "" as the namespace of a cluster-wide object. */
  get(apiVersion: string, kind: string, namespace: string, name: string): KubeObject | null;
  list(apiVersion: string, kind: string, namespace?: string): KubeObject[];
  /** Creates the object, or replaces it, as an Update by `manager`. Throws ApiError. */
  put(object: KubeObject, manager: string): KubeObject;
  remove(apiVersion: string, kind: string, namespace: string, name: string): void;
  /** Forgets the history: watches from an older resourceVersion get 410. */
  compact(): void;
}

export interface EmbeddedKubernetes {
  readonly url: string;
  readonly server: TlsServer;
  /** A bearer token that is let in, as user `admin`. */
  readonly token: string;
  kubeconfig(): string;
  readonly store: ObjectAccess;
  /** Refuse requests (authorize) or objects (admission); both let everything pass at first. */
  readonly hooks: Hooks;
  /** Requests so far, by verb. */
  readonly requests: ReadonlyMap<string, number>;
  /** Watches open at present. */
  readonly openWatches: () => number;
  close(): Promise<void>;
}

const DEFAULT_ROLLOUT_MS = 100;
const DEFAULT_BOOKMARK_MS = 1_000;

export async function startKubernetes(options: KubernetesOptions): Promise<EmbeddedKubernetes> {
  const hooks: Hooks = { authorize: () => null, admission: () => null };
  const state: ServerState = {
    store: new Store(),
    resources: new Resources(),
    clock: options.clock,
    hooks,
  };
  const timers = new Timers();
  const writer = new SystemWriter(state);
  const rolloutMs = options.rolloutMs ?? DEFAULT_ROLLOUT_MS;
  const times = { rolloutMs, progressDeadlineMs: options.progressDeadlineMs };
  const workloads = new Workloads(state, writer, timers, times);
  const definitions = new Definitions(state, writer, timers);
  state.store.subscribe((change) => {
    definitions.observe(change);
    workloads.observe(change);
  });
  const namespaces = resourceOf(state, "v1", "Namespace");
  const deleter: Deleter = new Deleter(state, (namespace) => {
    const purge = () => {
      if (!deleter.purge(namespace, namespaces)) plan();
    };
    const plan = () => timers.after(rolloutMs, `purge ${namespace}`, purge);
    plan();
  });
  const watcher = new Watcher(state, options.bookmarkMs ?? DEFAULT_BOOKMARK_MS);
  const token = crypto.randomUUID();
  const users = new Map<string, string>([[token, "admin"]]);
  options.tokens?.forEach((other, index) => users.set(other, `user-${index + 1}`));
  const endpoint = new Endpoint({ state, users, deleter, watcher });
  for (const name of ["default", "kube-system"]) {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    writer.put(namespaces, namespace, "kube-apiserver");
  }
  const server = await serveTls(options.pki, "kubernetes", (request) => endpoint.handle(request));
  return {
    url: server.url,
    server,
    token,
    kubeconfig: () => kubeconfig(server.url, options.pki.caPem, token),
    store: objectAccess(state, writer),
    hooks,
    requests: endpoint.requests,
    openWatches: () => watcher.openCount,
    async close() {
      timers.close();
      watcher.close();
      await server.close();
    },
  };
}

function resourceOf(state: ServerState, apiVersion: string, kind: string): Resource {
  const resource = state.resources.ofKind(apiVersion, kind);
  if (!resource) throw new TypeError(`The server has no kind ${kind} in ${apiVersion}`);
  return resource;
}

function objectAccess(state: ServerState, writer: SystemWriter): ObjectAccess {
  const { store } = state;
  return {
    get: (apiVersion, kind, namespace, name) =>
      store.get(resourceOf(state, apiVersion, kind), namespace, name),
    list: (apiVersion, kind, namespace = "") =>
      store.list(resourceOf(state, apiVersion, kind), namespace),
    put: (object, manager) =>
      writer.put(resourceOf(state, object.apiVersion, object.kind), object, manager),
    remove(apiVersion, kind, namespace, name) {
      const resource = resourceOf(state, apiVersion, kind);
      const object = store.get(resource, namespace, name);
      if (object) store.remove(resource, object);
    },
    compact: () => store.compact(),
  };
}

function kubeconfig(url: string, caPem: string, token: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "embedded",
    clusters: [{
      name: "embedded",
      cluster: { server: url, "certificate-authority-data": encodeBase64(encodeUtf8(caPem)) },
    }],
    users: [{ name: "embedded", user: { token } }],
    contexts: [{ name: "embedded", context: { cluster: "embedded", user: "embedded" } }],
  });
}
