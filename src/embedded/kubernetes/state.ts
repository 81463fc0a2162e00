/** What every part of the server shares. */
import type { Clock } from "../../runtime.ts";
import type { KubeObject } from "./json.ts";
import type { Hooks, RequestInfo } from "./request_info.ts";
import type { Resource, Resources } from "./resources.ts";
import type { Store } from "./store.ts";

export interface ServerState {
  readonly store: Store;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly hooks: Hooks;
}

/** A request and the resource that it addresses. */
export interface Target {
  readonly info: RequestInfo;
  readonly resource: Resource;
}

export interface Written {
  readonly object: KubeObject;
  readonly isNew: boolean;
  readonly warnings: readonly string[];
}

export const NAMESPACES = { group: "", plural: "namespaces", kind: "Namespace" } as const;

/** RFC 3339 in whole seconds, as Kubernetes stamps objects. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
}
