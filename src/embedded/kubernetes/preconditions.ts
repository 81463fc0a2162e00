/** What a write says about the object that it means: its uid and its version. */
import { type ApiError, conflict, fieldError, invalid, MODIFIED } from "./api_error.ts";
import type { KubeObject } from "./json.ts";
import type { Target } from "./state.ts";

/** @param verb the real server words a foreign uid in two ways */
export function checkPreconditions(
  { resource, info }: Target,
  live: KubeObject | null,
  { metadata }: KubeObject,
  verb: "update" | "patch",
): void {
  const { uid } = metadata;
  if (uid !== undefined && uid !== live?.metadata.uid) {
    if (verb === "update") throw otherUid({ resource, info }, uid, live?.metadata.uid ?? "");
    if (!live) {
      const why =
        `uid mismatch: the provided object specified uid ${uid}, and no existing object ` +
        "was found";
      throw conflict(resource, info.name, why);
    }
    // A patch states no precondition: its uid is a change, and that field cannot be changed.
    const what = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
    throw invalid(resource, info.name, [fieldError("FieldValueInvalid", "metadata.uid", what)]);
  }
  if (!live) return;
  const version = metadata.resourceVersion;
  if (version !== undefined && version !== live.metadata.resourceVersion) {
    throw conflict(resource, info.name, MODIFIED);
  }
}

function otherUid({ resource, info }: Target, wanted: string, actual: string): ApiError {
  const key = `/registry/${resource.plural}/${info.namespace}/${info.name}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, ` +
    `AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ` +
    actual;
  return conflict(resource, info.name, why);
}
