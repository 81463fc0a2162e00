/** From a body to an object of the addressed kind: what it has too much is refused, or dropped. */
import { type ApiError, badRequest, fieldError, invalid } from "./api_error.ts";
import { identifyBody } from "./body.ts";
import { typeErrors, unknownFields, withoutUnknownFields } from "./field_check.ts";
import { type JsonObject, type KubeObject, objectAt, withoutNulls } from "./json.ts";
import type { Resource } from "./resources.ts";
import { scaleResource } from "./scale.ts";
import type { Target } from "./state.ts";

export interface Decoded {
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

export interface Origin {
  /** Fields that stood twice in the text. */
  readonly duplicates?: readonly string[];
  /** The body is a live object with a patch on it. */
  readonly isPatched?: boolean;
}

/** Throws ApiError 400, or 422 for a patch, on what strict validation refuses. */
export function decodeBody(target: Target, body: JsonObject, origin: Origin = {}): Decoded {
  const { info } = target;
  const resource = info.subresource === "scale" ? scaleResource(target.resource) : target.resource;
  const object = identifyBody(body, resource, info.namespace, info.name);
  const [wrongType] = resource.isCustom ? [] : typeErrors(object, resource.schema);
  if (wrongType) throw unfit(resource, wrongType);
  const wrongTime = resource.kind === "Lease" ? leaseTimeError(object) : null;
  if (wrongTime) throw unfit(resource, wrongTime);
  const problems = [
    ...(origin.duplicates ?? []).map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknownFields(object, resource.schema)
      .map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  if (info.options.fieldValidation === "Strict" && problems.length > 0) {
    const why = `strict decoding error: ${problems.join(", ")}`;
    throw origin.isPatched ? unfitPatch(body, why) : unfit(resource, why);
  }
  return {
    object: withoutNulls(withoutUnknownFields(object, resource.schema)) as KubeObject,
    warnings: info.options.fieldValidation === "Warn" ? problems : [],
  };
}

/** A lease's times are MicroTime: exactly six digits after the second. */
function leaseTimeError(object: KubeObject): string | null {
  const spec = objectAt(object, "spec") ?? {};
  for (const time of [spec["acquireTime"], spec["renewTime"]]) {
    if (time === undefined || time === null) continue;
    const isFit = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(String(time));
    if (!isFit) return `parsing time ${JSON.stringify(time)} as "2006-01-02T15:04:05.000000Z07:00"`;
  }
  return null;
}

function unfit({ kind, version }: Resource, why: string): ApiError {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

/** The real server names no kind here, and quotes the whole object. */
function unfitPatch(patched: JsonObject, why: string): ApiError {
  const what = `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${why}`;
  return invalid({ group: "", kind: "" }, "", [fieldError("FieldValueInvalid", "patch", what)]);
}
