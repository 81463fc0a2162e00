/** ListObjectsV2 and ListObjectVersions, with pages. */
import { sha256Hex } from "../../core/encoding.ts";
import type { Bucket, ObjectVersion } from "./bucket.ts";
import { answerXml, S3Problem, type XmlElement } from "./problem.ts";

const MAX_KEYS = 1000;

export function listObjects(bucket: Bucket, query: URLSearchParams): Response {
  refuseDelimiter(query);
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const keys = new Set(bucket.versions(prefix).map(({ key }) => key));
  const current = [...keys].flatMap((key) => bucket.current(key) ?? []);
  const left = current.filter(({ key }) => key > after);
  const page = left.slice(0, maxKeys(query));
  const isTruncated = page.length < left.length;
  return answerXml("ListBucketResult", [
    ["Name", bucket.options.name],
    ["Prefix", prefix],
    ["KeyCount", String(page.length)],
    ["MaxKeys", String(maxKeys(query))],
    ["IsTruncated", String(isTruncated)],
    ...(isTruncated ? [["NextContinuationToken", page.at(-1)!.key] as const] : []),
    ...page.map((version): XmlElement => ["Contents", describe(version)]),
  ]);
}

export function listVersions(bucket: Bucket, query: URLSearchParams): Response {
  refuseDelimiter(query);
  const prefix = query.get("prefix") ?? "";
  const [keyMarker, versionMarker] = [query.get("key-marker"), query.get("version-id-marker")];
  const all = bucket.versions(prefix);
  const start = keyMarker === null
    ? 0
    : 1 + all.findLastIndex(({ key, versionId }) =>
      key < keyMarker || key === keyMarker && (!versionMarker || versionId === versionMarker)
    );
  const left = all.slice(start);
  const page = left.slice(0, maxKeys(query));
  const isTruncated = page.length < left.length;
  const last = page.at(-1);
  return answerXml("ListVersionsResult", [
    ["Name", bucket.options.name],
    ["Prefix", prefix],
    ["MaxKeys", String(maxKeys(query))],
    ["IsTruncated", String(isTruncated)],
    ...(isTruncated && last
      ? [["NextKeyMarker", last.key], ["NextVersionIdMarker", last.versionId]] as const
      : []),
    ...page.map((version): XmlElement => [
      version.body === null ? "DeleteMarker" : "Version",
      [
        ["VersionId", version.versionId],
        ["IsLatest", String(all.find(({ key }) => key === version.key) === version)],
        ...describe(version),
      ],
    ]),
  ]);
}

export function entityTag(body: Uint8Array): string {
  return `"${sha256Hex(body).slice(0, 32)}"`;
}

function describe({ key, body, lastModified }: ObjectVersion): XmlElement[] {
  return [
    ["Key", key],
    ["LastModified", lastModified.toISOString()],
    ...(body === null ? [] : [["ETag", entityTag(body)], ["Size", String(body.length)]] as const),
  ];
}

function maxKeys(query: URLSearchParams): number {
  const wanted = Number(query.get("max-keys") ?? MAX_KEYS);
  return Math.min(Number.isInteger(wanted) && wanted > 0 ? wanted : MAX_KEYS, MAX_KEYS);
}

function refuseDelimiter(query: URLSearchParams): void {
  if (query.has("delimiter")) throw new S3Problem(501, "NotImplemented", "No delimiters here");
}
