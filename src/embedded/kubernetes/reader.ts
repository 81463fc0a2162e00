/** Get and list. Objects of all versions of a group are shown in the version that was asked for. */
import { badRequest, expired, notFound } from "./api_error.ts";
import type { JsonObject, KubeObject } from "./json.ts";
import { apiVersionOf, type Resource } from "./resources.ts";
import { toScale } from "./scale.ts";
import { parseSelection } from "./selection.ts";
import type { ServerState, Target } from "./state.ts";

export function show(resource: Resource, object: KubeObject): KubeObject {
  return { ...object, apiVersion: apiVersionOf(resource) };
}

export function find(state: ServerState, { resource, info }: Target): KubeObject {
  const object = state.store.get(resource, info.namespace, info.name);
  if (!object) throw notFound(resource, info.name);
  return info.subresource === "scale" ? toScale(object) : show(resource, object);
}

export function readList(state: ServerState, target: Target, query: URLSearchParams): JsonObject {
  const { resource, info } = target;
  const isSelected = parseSelection(query);
  const limit = Number(query.get("limit") ?? 0);
  const from = parseContinue(query.get("continue"));
  if (from && state.store.since(from.revision) === null) {
    throw expired(
      "The provided continue parameter is too old to display a consistent list result.",
    );
  }
  const selected = state.store.list(resource, info.namespace)
    .filter(isSelected)
    .filter((object) => !from || idOf(object) > from.after);
  const page = limit > 0 ? selected.slice(0, limit) : selected;
  const revision = from?.revision ?? state.store.revision;
  const left = selected.length - page.length;
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(revision),
      ...(left > 0
        ? {
          continue: btoa(JSON.stringify({ revision, after: idOf(page.at(-1)!) })),
          remainingItemCount: left,
        }
        : {}),
    },
    items: page.map((object) => listed(resource, object)),
  };
}

/** Items of a built-in list say nothing of their kind: the list does. */
function listed(resource: Resource, object: KubeObject): JsonObject {
  if (resource.isCustom) return show(resource, object);
  const { apiVersion: _apiVersion, kind: _kind, ...item } = object;
  return item;
}

interface ContinueToken {
  readonly revision: number;
  readonly after: string;
}

function parseContinue(token: string | null): ContinueToken | null {
  if (!token) return null;
  try {
    const { revision, after } = JSON.parse(atob(token)) as Record<string, unknown>;
    if (typeof revision === "number" && typeof after === "string") return { revision, after };
  } catch {
    // Answered below, like a token of the wrong shape.
  }
  throw badRequest("continue key is not valid");
}

function idOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
