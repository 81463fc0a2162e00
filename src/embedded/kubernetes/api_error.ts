/** Failures as the API server words them: a `Status` object with reason, code and details. */
import type { JsonObject } from "./json.ts";
import { qualify, type Resource } from "./resources.ts";

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly code: number,
    /** "" for an error that the server itself did not foresee. */
    readonly reason: string,
    message: string,
    readonly details: JsonObject = {},
  ) {
    super(message);
  }

  toStatus(): JsonObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason ? { reason: this.reason } : {}),
      ...(Object.keys(this.details).length > 0 ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

type Named = Pick<Resource, "group" | "plural" | "kind">;

function detailsOf(resource: Named, name: string): JsonObject {
  return {
    ...(name ? { name } : {}),
    ...(resource.group ? { group: resource.group } : {}),
    kind: resource.plural,
  };
}

function quoted(resource: Named, name: string): string {
  return `${qualify(resource.plural, resource.group)} ${JSON.stringify(name)}`;
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, "Unauthorized", "Unauthorized");
}

/** For what is no resource: discovery, for one. */
export function forbiddenPath(user: string, verb: string, path: string): ApiError {
  const who = JSON.stringify(user);
  return new ApiError(
    403,
    "Forbidden",
    `forbidden: User ${who} cannot ${verb} path ${JSON.stringify(path)}`,
  );
}

export function forbidden(
  resource: Named,
  name: string,
  message: string,
  causes: readonly Cause[] = [],
): ApiError {
  const what = name ? quoted(resource, name) : qualify(resource.plural, resource.group);
  return new ApiError(
    403,
    "Forbidden",
    `${what} is forbidden: ${message}`,
    {
      ...detailsOf(resource, name),
      ...(causes.length > 0 ? { causes: causes.map((cause) => ({ ...cause })) } : {}),
    },
  );
}

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError(
    404,
    "NotFound",
    `${quoted(resource, name)} not found`,
    detailsOf(resource, name),
  );
}

export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource");
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

export function alreadyExists(resource: Named, name: string): ApiError {
  return new ApiError(
    409,
    "AlreadyExists",
    `${quoted(resource, name)} already exists`,
    detailsOf(resource, name),
  );
}

/** Another object has that name now, or another version of it; deletion words this in its own way. */
export function deletionConflict(
  resource: Named,
  name: string,
  what: "UID" | "ResourceVersion",
  wanted: string,
  actual: string,
): ApiError {
  const happened = what === "UID" ? "been deleted and then recreated" : "been modified";
  const why = `the ${what} in the precondition (${wanted}) does not match the ${what} in record ` +
    `(${actual}). The object might have ${happened}`;
  // It names the kind where every other message names the plural.
  return conflict({ ...resource, plural: resource.kind }, name, why);
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  return new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${quoted(resource, name)}: ${why}`,
    detailsOf(resource, name),
  );
}

export const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

/** One wrong field: `what` reads like "Required value" or `Invalid value: 3: must be positive`. */
export function fieldError(reason: string, field: string, what: string): Cause {
  return { reason, message: what, field };
}

export function invalid(
  resource: { group: string; kind: string },
  name: string,
  causes: readonly Cause[],
): ApiError {
  const list = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = list.length === 1 ? list[0] : `[${list.join(", ")}]`;
  return new ApiError(
    422,
    "Invalid",
    `${qualify(resource.kind, resource.group)} ${JSON.stringify(name)} is invalid: ${text}`,
    {
      name,
      ...(resource.group ? { group: resource.group } : {}),
      kind: resource.kind,
      causes: causes.map((cause) => ({ ...cause })),
    },
  );
}

export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    413,
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${maxBytes}`,
  );
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: " +
      accepted.join(", "),
  );
}
