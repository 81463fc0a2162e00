/** Reads request bodies: bounded, of a known media type, and an object with apiVersion and kind. */
import { parse } from "yaml";
import { readBounded } from "../../core/bounded_read.ts";
import { decodeUtf8 } from "../../core/encoding.ts";
import { InvalidInputError } from "../../errors.ts";
import { ApiError, badRequest, tooLarge, unsupportedMediaType } from "./api_error.ts";
import { duplicateFields } from "./duplicate_fields.ts";
import { isObject, type Json, type JsonObject, type KubeObject } from "./json.ts";
import { apiVersionOf, type Resource } from "./resources.ts";

const MAX_BODY_BYTES = 3 * 1024 * 1024;

const JSON_TYPE = "application/json";
const YAML_TYPE = "application/yaml";

export const APPLY_PATCH = "application/apply-patch+yaml";
const MERGE_PATCH = "application/merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";
const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH];

async function readText(request: Request): Promise<string> {
  try {
    return decodeUtf8(await readBounded(request.body, MAX_BODY_BYTES, "the body"));
  } catch (error) {
    if (error instanceof InvalidInputError) throw tooLarge(MAX_BODY_BYTES);
    if (error instanceof TypeError) throw badRequest("the object provided is not UTF-8");
    throw error;
  }
}

export function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? JSON_TYPE).split(";")[0]!.trim().toLowerCase();
}

/** The object in a body, JSON or YAML; `fallback`, where there is one, stands for an empty body. */
export async function readBody(request: Request, fallback?: JsonObject): Promise<JsonObject> {
  return (await readObject(request, fallback)).body;
}

/** With the fields that stand twice in it. */
export async function readObject(
  request: Request,
  fallback?: JsonObject,
): Promise<{ body: JsonObject; duplicates: string[] }> {
  const mediaType = mediaTypeOf(request);
  if (mediaType !== JSON_TYPE && mediaType !== YAML_TYPE) {
    throw unsupportedMediaType([JSON_TYPE, YAML_TYPE]);
  }
  const text = await readText(request);
  if (!text && fallback) return { body: fallback, duplicates: [] };
  if (mediaType === YAML_TYPE) return { body: decodeYaml(text), duplicates: [] };
  return { body: asObject(decodeJson(text)), duplicates: duplicateFields(text) };
}

/** The text of a patch, whose media type must be one of those that are served. */
export async function readPatch(request: Request): Promise<string> {
  if (!PATCH_TYPES.includes(mediaTypeOf(request))) throw unsupportedMediaType(PATCH_TYPES);
  return await readText(request);
}

export function decodeJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

export function decodeYaml(text: string): JsonObject {
  try {
    return asObject(parse(text) as Json);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
}

function asObject(value: Json): JsonObject {
  if (!isObject(value)) throw badRequest("the object provided is unrecognized: it is no object");
  return value;
}

/** Checks that the body is of the addressed kind, and gives it its name and namespace. */
export function identifyBody(
  body: JsonObject,
  resource: Resource,
  namespace: string,
  name: string,
): KubeObject {
  const apiVersion = apiVersionOf(resource);
  const given = body["apiVersion"] ?? apiVersion;
  if (given !== apiVersion) {
    throw badRequest(
      `the API version in the data (${given}) does not match the expected API version (${apiVersion})`,
    );
  }
  const kind = body["kind"] ?? resource.kind;
  if (kind !== resource.kind) {
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ` +
        `the body is a ${kind}`,
    );
  }
  const metadata: JsonObject = isObject(body["metadata"]) ? body["metadata"] : {};
  if (namespace && (metadata["namespace"] ?? namespace) !== namespace) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  const ownName = metadata["name"] ?? name;
  if (typeof ownName !== "string") throw badRequest("metadata.name must be a string");
  if (name && ownName !== name) {
    throw badRequest(
      `the name of the object (${ownName}) does not match the name on the URL (${name})`,
    );
  }
  const identity = { name: ownName, ...(namespace ? { namespace } : {}) };
  return { ...body, apiVersion, kind: resource.kind, metadata: { ...metadata, ...identity } };
}
