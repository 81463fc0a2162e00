/**
 * An S3 server for one bucket, path-style over TLS. It checks every signature and checksum and keeps
 * what Object Lock protects, so that what passes here passes at S3.
 */
import { createHash } from "node:crypto";
import { readBounded } from "../core/bounded_read.ts";
import { decodeUtf8, encodeBase64 } from "../core/encoding.ts";
import { Bucket, type ObjectVersion } from "./s3/bucket.ts";
import { entityTag, listObjects, listVersions } from "./s3/listing.ts";
import { answerProblem, answerXml, S3Problem } from "./s3/problem.ts";
import { requireSignature, type S3Credentials } from "./s3/signature.ts";
import type { Pki } from "./pki.ts";
import { serveTls, type TlsServer } from "./serve.ts";

const MAX_BODY_BYTES = 64 << 20;
const OBJECT_PARAMETERS = new Set(["x-id", "versionId", "retention"]);

export interface EmbeddedS3Options extends S3Credentials {
  readonly pki: Pki;
  readonly bucket: string;
  readonly objectLock: boolean;
  /** Default: as `objectLock`, which needs it. */
  readonly versioning?: boolean;
  /** Whether the access key may delete; default: it may. */
  readonly mayDelete?: boolean;
}

export interface EmbeddedS3 {
  readonly url: string;
  readonly server: TlsServer;
  /** Every version and delete marker, in the order of keys, the newest of each first. */
  objects(): ObjectVersion[];
  /** `METHOD /path?query` of each request that was signed rightly. */
  readonly requests: readonly string[];
  /** Acts on the bucket as someone with full rights would, without HTTP. */
  readonly bucket: Bucket;
  close(): Promise<void>;
}

export async function startS3(options: EmbeddedS3Options): Promise<EmbeddedS3> {
  const { pki, objectLock, versioning = objectLock } = options;
  const { mayDelete = true } = options;
  const settings = { name: options.bucket, objectLock, versioning };
  const bucket = new Bucket(settings, () => new Date());
  const requests: string[] = [];
  const server = await serveTls(pki, "embedded S3", async (request) => {
    try {
      const body = await readBounded(request.body, MAX_BODY_BYTES, "the request");
      requireSignature(request, body, options, Date.now());
      const url = new URL(request.url);
      requests.push(`${request.method} ${url.pathname}${url.search}`);
      if (request.method === "DELETE" && !mayDelete) {
        throw new S3Problem(403, "AccessDenied", "Access Denied");
      }
      return route(bucket, request, url, body);
    } catch (error) {
      if (error instanceof S3Problem) return answerProblem(error, request.method);
      throw error;
    }
  });
  return {
    url: server.url,
    server,
    requests,
    bucket,
    objects: () => bucket.versions(""),
    close: () => server.close(),
  };
}

function route(
  bucket: Bucket,
  request: Request,
  url: URL,
  body: Uint8Array<ArrayBuffer>,
): Response {
  const [, name, ...rest] = url.pathname.split("/");
  if (name !== bucket.options.name) {
    throw new S3Problem(404, "NoSuchBucket", "The bucket does not exist");
  }
  const key = decodeURIComponent(rest.join("/"));
  const query = url.searchParams;
  if (key === "") return routeBucket(bucket, request.method, query);
  const versionId = query.get("versionId");
  // A subresource that is not known must not be taken for the object itself.
  if ([...query.keys()].some((name) => !OBJECT_PARAMETERS.has(name))) throw notImplemented();
  switch (request.method) {
    case "PUT":
      if (query.has("retention")) return putRetention(bucket, key, versionId, body);
      return putObject(bucket, key, request.headers, body);
    case "HEAD":
    case "GET":
      if (query.has("retention")) return getRetention(bucket.find(key, versionId));
      return getObject(bucket.find(key, versionId), request);
    case "DELETE":
      return deleteObject(bucket, key, versionId);
    default:
      throw notImplemented();
  }
}

function routeBucket(bucket: Bucket, method: string, query: URLSearchParams): Response {
  if (method !== "GET") throw notImplemented();
  if (query.has("versions")) return listVersions(bucket, query);
  if (query.get("list-type") === "2") return listObjects(bucket, query);
  if (query.has("versioning")) {
    const status = bucket.options.versioning ? [["Status", "Enabled"] as const] : [];
    return answerXml("VersioningConfiguration", status);
  }
  if (query.has("encryption")) {
    const message = "The server side encryption configuration was not found";
    throw new S3Problem(404, "ServerSideEncryptionConfigurationNotFoundError", message);
  }
  if (query.has("object-lock")) {
    if (bucket.options.objectLock) {
      return answerXml("ObjectLockConfiguration", [["ObjectLockEnabled", "Enabled"]]);
    }
    const message = "Object Lock configuration does not exist for this bucket";
    throw new S3Problem(404, "ObjectLockConfigurationNotFoundError", message);
  }
  throw notImplemented();
}

function putObject(
  bucket: Bucket,
  key: string,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Response {
  const checksumSha256 = headers.get("x-amz-checksum-sha256");
  const contentMd5 = headers.get("content-md5");
  if (contentMd5 !== null && contentMd5 !== md5(body)) {
    throw new S3Problem(400, "BadDigest", "The Content-MD5 you specified did not match");
  }
  const condition = headers.get("if-none-match");
  if (condition !== null && condition !== "*") throw notImplemented();
  const retainUntil = readRetention(
    bucket,
    headers.get("x-amz-object-lock-mode"),
    headers.get("x-amz-object-lock-retain-until-date"),
  );
  if (retainUntil && checksumSha256 === null && contentMd5 === null) {
    const message = "Content-MD5 or x-amz-checksum- is required with Object Lock parameters";
    throw new S3Problem(400, "InvalidRequest", message);
  }
  const createOnly = condition === "*";
  const version = bucket.put(key, body, { createOnly, checksumSha256, retainUntil });
  return new Response(null, { headers: describe(version, true) });
}

function readRetention(bucket: Bucket, mode: string | null, until: string | null): Date | null {
  if (mode === null && until === null) return null;
  if (!bucket.options.objectLock) {
    throw new S3Problem(400, "InvalidRequest", "Bucket is missing Object Lock Configuration");
  }
  const date = new Date(until ?? NaN);
  if (mode !== "COMPLIANCE" || !(date > new Date())) {
    throw new S3Problem(400, "InvalidArgument", "Expected COMPLIANCE and a date in the future");
  }
  return date;
}

function getObject(version: ObjectVersion, request: Request): Response {
  const withChecksum = request.headers.get("x-amz-checksum-mode") === "ENABLED";
  const headers = describe(version, withChecksum);
  if (request.method === "GET") return new Response(version.body, { headers });
  headers.set("content-length", String(version.body!.length));
  return new Response(null, { headers });
}

function getRetention({ retainUntil }: ObjectVersion): Response {
  if (retainUntil === null) {
    const message = "The object has no retention";
    throw new S3Problem(404, "NoSuchObjectLockConfiguration", message);
  }
  return answerXml("Retention", [
    ["Mode", "COMPLIANCE"],
    ["RetainUntilDate", retainUntil.toISOString()],
  ]);
}

function putRetention(
  bucket: Bucket,
  key: string,
  versionId: string | null,
  body: Uint8Array,
): Response {
  const text = decodeUtf8(body);
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? null;
  const mode = field("Mode");
  if (mode === "GOVERNANCE" && bucket.find(key, versionId).retainUntil) {
    throw new S3Problem(403, "AccessDenied", "COMPLIANCE cannot be exchanged for another mode");
  }
  const until = readRetention(bucket, mode, field("RetainUntilDate"));
  if (!until) throw new S3Problem(400, "MalformedXML", "Mode and date are missing");
  bucket.retain(key, versionId, until);
  return new Response(null);
}

function deleteObject(bucket: Bucket, key: string, versionId: string | null): Response {
  const removed = bucket.remove(key, versionId);
  const headers = new Headers({ "x-amz-version-id": removed.versionId });
  if (removed.isMarker) headers.set("x-amz-delete-marker", "true");
  return new Response(null, { status: 204, headers });
}

function describe(version: ObjectVersion, withChecksum: boolean): Headers {
  const headers = new Headers({
    etag: entityTag(version.body!),
    "last-modified": version.lastModified.toUTCString(),
  });
  if (version.versionId !== "null") headers.set("x-amz-version-id", version.versionId);
  if (withChecksum && version.checksumSha256) {
    headers.set("x-amz-checksum-sha256", version.checksumSha256);
    headers.set("x-amz-checksum-type", "FULL_OBJECT");
  }
  if (version.retainUntil) {
    headers.set("x-amz-object-lock-mode", "COMPLIANCE");
    headers.set("x-amz-object-lock-retain-until-date", version.retainUntil.toISOString());
  }
  return headers;
}

function md5(body: Uint8Array): string {
  return encodeBase64(new Uint8Array(createHash("md5").update(body).digest()));
}

function notImplemented(): S3Problem {
  return new S3Problem(501, "NotImplemented", "This server does not implement that");
}
