/** What a request asks for, read from its path, method and query; and the hooks that may refuse it. */
import { type Cause, fieldError, invalid } from "./api_error.ts";
import type { Json } from "./json.ts";

export interface RequestInfo {
  readonly user: string;
  /** get, list, watch, create, update, patch or delete. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  /** "" for the object itself, else status or scale. */
  readonly subresource: string;
  /** "" for cluster-wide resources and requests over all namespaces. */
  readonly namespace: string;
  /** "" for collections. */
  readonly name: string;
  readonly options: WriteOptions;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
}

export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** null lets the request pass. `object` is what would be stored, or null where there is none. */
export type Hook = (request: RequestInfo, object: Json) => Refusal | null;

export interface Hooks {
  authorize: Hook;
  admission: Hook;
}

export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
}

/** null when the path names no resource. */
export function parsePath(pathname: string): ResourcePath | null {
  const segments = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const isCore = segments[0] === "api";
  if (!isCore && segments[0] !== "apis") return null;
  const [group, version] = isCore ? ["", segments[1]] : [segments[1], segments[2]];
  const rest = segments.slice(isCore ? 2 : 3);
  // `/namespaces/x/pods` lies in a namespace; `/namespaces/x` and `/namespaces/x/status` are one.
  const isInside = rest[0] === "namespaces" && rest.length > 2 && rest[2] !== "status";
  const [resource = "", name = "", subresource = "", ...more] = isInside ? rest.slice(2) : rest;
  if (group === undefined || version === undefined || !resource || more.length > 0) return null;
  const namespace = isInside ? rest[1]! : "";
  return { group, version, namespace, resource, name, subresource };
}

export function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}

const VERB_BY_METHOD: Record<string, string> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** null for a method that the server does not know. */
export function verbOf(method: string, path: ResourcePath, query: URLSearchParams): string | null {
  if (method !== "GET") return VERB_BY_METHOD[method] ?? null;
  if (isTrue(query.get("watch")) && !path.name) return "watch";
  return path.name ? "get" : "list";
}

/** The one object that a list or a watch selects: rights for it alone are enough. "" for any. */
export function namedBy(query: URLSearchParams, verb: string): string {
  if (verb !== "list" && verb !== "watch") return "";
  return /^metadata\.name==?([^,]+)$/.exec(query.get("fieldSelector") ?? "")?.[1] ?? "";
}

const OPTIONS_KIND: Record<string, string> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

/** @param isApply only server-side apply may force, and only it must name its manager. */
export function readOptions(
  query: URLSearchParams,
  verb: string,
  isApply: boolean,
  userAgent: string,
): WriteOptions {
  const causes: Cause[] = [];
  const refuse = (reason: string, field: string, what: string) =>
    causes.push(fieldError(reason, field, what));
  const dryRun = query.getAll("dryRun");
  if (dryRun.some((value) => value !== "All")) {
    const what = `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`;
    refuse("FieldValueNotSupported", "dryRun", what);
  }
  const fieldManager = query.get("fieldManager") ?? "";
  if (isApply && !fieldManager) {
    refuse("FieldValueRequired", "fieldManager", "Required value: is required for apply patch");
  }
  if (fieldManager.length > 128) {
    refuse("FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes");
  }
  if (query.has("force") && !isApply && verb === "patch") {
    const what = "Forbidden: may not be specified for non-apply patch";
    refuse("FieldValueForbidden", "force", what);
  }
  const fieldValidation = query.get("fieldValidation") || "Warn";
  if (fieldValidation !== "Strict" && fieldValidation !== "Warn" && fieldValidation !== "Ignore") {
    const what = `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: ` +
      `"Ignore", "Strict", "Warn"`;
    refuse("FieldValueNotSupported", "fieldValidation", what);
  }
  if (causes.length > 0) {
    const kind = OPTIONS_KIND[verb] ?? "DeleteOptions";
    throw invalid({ group: "meta.k8s.io", kind }, "", causes);
  }
  return {
    dryRun: dryRun.length > 0,
    force: isTrue(query.get("force")),
    fieldManager: fieldManager || userAgent.split("/")[0] || "unknown",
    fieldValidation: fieldValidation as WriteOptions["fieldValidation"],
  };
}
