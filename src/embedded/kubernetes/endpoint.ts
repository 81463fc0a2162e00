/** From an HTTP request to an answer: authentication, authorization, routing, errors as Status. */
import {
  ApiError,
  forbidden,
  forbiddenPath,
  methodNotAllowed,
  noSuchPath,
  unauthorized,
} from "./api_error.ts";
import { APPLY_PATCH, mediaTypeOf, readBody, readObject, readPatch } from "./body.ts";
import { type Deleter, readDeletion } from "./deleter.ts";
import { discover, REVIEW_KINDS } from "./discovery.ts";
import type { JsonObject } from "./json.ts";
import { find, readList, show } from "./reader.ts";
import {
  namedBy,
  parsePath,
  readOptions,
  type RequestInfo,
  type ResourcePath,
  verbOf,
} from "./request_info.ts";
import type { Resource } from "./resources.ts";
import { reviewAccess, reviewRules } from "./reviews.ts";
import { toScale } from "./scale.ts";
import type { ServerState, Target, Written } from "./state.ts";
import type { Watcher } from "./watcher.ts";
import { Writer } from "./writer.ts";

export interface EndpointParts {
  readonly state: ServerState;
  /** User names by bearer token. */
  readonly users: ReadonlyMap<string, string>;
  readonly deleter: Deleter;
  readonly watcher: Watcher;
}

/** Who sends no credential at all; may see that the server lives, and its version. */
const ANONYMOUS = "system:anonymous";

interface Call {
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly user: string;
}

export class Endpoint {
  readonly requests = new Map<string, number>();
  readonly #writer: Writer;

  constructor(private readonly parts: EndpointParts) {
    this.#writer = new Writer(parts.state);
  }

  async handle(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      // A body left unread would keep the connection from being used again.
      await request.body?.cancel().catch(() => {});
      if (!(error instanceof ApiError)) throw error;
      return Response.json(error.toStatus(), { status: error.code });
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams: query } = new URL(request.url);
    if (["/livez", "/readyz", "/healthz"].includes(pathname)) return new Response("ok");
    const call: Call = { request, query, user: this.#authenticate(request) };
    const discovered = discover(pathname, this.parts.state.resources);
    if (discovered) {
      if (call.user === ANONYMOUS && pathname !== "/version") {
        throw forbiddenPath(call.user, "get", pathname);
      }
      this.#count("discover");
      return Response.json(discovered);
    }
    const path = parsePath(pathname);
    if (!path) throw noSuchPath();
    const verb = verbOf(request.method, path, query);
    if (!verb) throw methodNotAllowed();
    this.#count(verb);
    if (path.group === "authorization.k8s.io") return await this.#review(call, path);
    const resource = this.#resourceAt(path);
    const isApply = verb === "patch" && mediaTypeOf(request) === APPLY_PATCH;
    const userAgent = request.headers.get("user-agent") ?? "";
    const options = readOptions(query, verb, isApply, userAgent);
    const isNamespace = resource.plural === "namespaces" && resource.group === "";
    const namespace = isNamespace ? path.name : path.namespace;
    const info: RequestInfo = { ...path, user: call.user, verb, namespace, options };
    const name = path.name || namedBy(query, verb);
    this.#authorize({ ...info, name }, resource);
    // A namespace is authorized as lying in itself, but stored cluster-wide.
    return await this.#act(call, { resource, info: { ...info, namespace: path.namespace } });
  }

  #authenticate(request: Request): string {
    const header = request.headers.get("authorization");
    if (header === null) return ANONYMOUS;
    const [scheme, token] = header.split(" ");
    const user = scheme === "Bearer" && token ? this.parts.users.get(token) : undefined;
    if (user === undefined) throw unauthorized();
    return user;
  }

  #resourceAt({ group, version, resource: plural, subresource, namespace, name }: ResourcePath) {
    const resource = this.parts.state.resources.find(group, version, plural);
    const isServed = resource && (subresource === "" ||
      (subresource === "status" && resource.hasStatus) ||
      (subresource === "scale" && resource.hasScale));
    if (!isServed) throw noSuchPath();
    if (!resource.namespaced && namespace) throw noSuchPath();
    if (resource.namespaced && name && !namespace) throw noSuchPath();
    return resource;
  }

  #authorize(info: RequestInfo, resource: Resource): void {
    const refusal = info.user === ANONYMOUS
      ? { code: 403, reason: "Forbidden", message: "" }
      : this.parts.state.hooks.authorize(info, null);
    if (!refusal) return;
    const scope = info.namespace
      ? `in the namespace ${JSON.stringify(info.namespace)}`
      : "at the cluster scope";
    const what = info.subresource ? `${info.resource}/${info.subresource}` : info.resource;
    const standard = `User ${JSON.stringify(info.user)} cannot ${info.verb} resource ` +
      `${JSON.stringify(what)} in API group ${JSON.stringify(info.group)} ${scope}`;
    if (refusal.code === 403) {
      throw forbidden(resource, info.name, refusal.message || standard);
    }
    throw new ApiError(refusal.code, refusal.reason, refusal.message);
  }

  async #act(call: Call, target: Target): Promise<Response> {
    const { request, query } = call;
    const { info } = target;
    const { state, watcher, deleter } = this.parts;
    const hasTarget = info.verb === "create" ? !info.name : info.name !== "";
    switch (info.verb) {
      case "get":
        return Response.json(find(state, target));
      case "list":
        return Response.json(readList(state, target, query));
      case "watch":
        return watcher.open(target, query);
    }
    if (!hasTarget || (info.verb === "create" && target.resource.namespaced && !info.namespace)) {
      throw methodNotAllowed();
    }
    switch (info.verb) {
      case "create": {
        const { body, duplicates } = await readObject(request);
        return answer(target, this.#writer.create(target, body, { duplicates }));
      }
      case "update": {
        const { body, duplicates } = await readObject(request);
        return answer(target, this.#writer.update(target, body, { duplicates }));
      }
      case "patch": {
        const patch = await readPatch(request);
        return answer(target, this.#writer.patch(target, mediaTypeOf(request), patch));
      }
      default: {
        const options = await readBody(request, optionsOf(query));
        const dryRun = Array.isArray(options["dryRun"]);
        const deletion = readDeletion(options);
        const deleting = { ...target, info: { ...info, options: { ...info.options, dryRun } } };
        return Response.json(deleter.delete(deleting, deletion));
      }
    }
  }

  async #review(call: Call, path: ResourcePath): Promise<Response> {
    const kind = REVIEW_KINDS[path.resource];
    if (!kind || path.version !== "v1") throw noSuchPath();
    if (call.request.method !== "POST") throw methodNotAllowed();
    const { hooks, resources } = this.parts.state;
    const body = await readBody(call.request);
    const options = readOptions(call.query, "create", false, "");
    const asking: RequestInfo = { ...path, user: call.user, verb: "create", options };
    const review: JsonObject = kind === "SelfSubjectAccessReview"
      ? reviewAccess(hooks, asking, body)
      : reviewRules(hooks, asking, body, resources);
    return Response.json(review, { status: 201 });
  }

  #count(verb: string): void {
    this.requests.set(verb, (this.requests.get(verb) ?? 0) + 1);
  }
}

/** DeleteOptions from the query: they count only where there is no body. */
function optionsOf(query: URLSearchParams): JsonObject {
  const propagationPolicy = query.get("propagationPolicy");
  return {
    ...(query.has("dryRun") ? { dryRun: query.getAll("dryRun") } : {}),
    ...(propagationPolicy ? { propagationPolicy } : {}),
  };
}

function answer({ resource, info }: Target, { object, isNew, warnings }: Written): Response {
  const headers = new Headers();
  for (const warning of warnings) headers.append("warning", `299 - ${JSON.stringify(warning)}`);
  const shown = info.subresource === "scale" ? toScale(object) : show(resource, object);
  return Response.json(shown, { status: isNew ? 201 : 200, headers });
}
