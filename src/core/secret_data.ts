/**
 * `stringData` is written and never stored: its owner is an owner of nothing, and a key that an apply
 * leaves out stays in `data`. As `data`, the same Secret can be taken back.
 * https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data
 */
import { encodeBase64, encodeUtf8 } from "./encoding.ts";
import { isJsonObject, type KubeObject } from "./kubernetes_object.ts";

/** The manifest with its `stringData` in `data`; as it is where it has none, or none of text. */
export function withStoredData(manifest: KubeObject): KubeObject {
  if (manifest.apiVersion !== "v1" || manifest.kind !== "Secret") return manifest;
  const { stringData, ...rest } = manifest;
  const data = rest.data ?? {};
  if (!isJsonObject(stringData) || !isJsonObject(data)) return manifest;
  const entries = Object.entries(stringData);
  // The server refuses it, and says so better.
  if (!entries.every(([, value]) => typeof value === "string")) return manifest;
  const encoded = entries.map(([key, value]) => [key, encodeBase64(encodeUtf8(value as string))]);
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } } as KubeObject;
}
