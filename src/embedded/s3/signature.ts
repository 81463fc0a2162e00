/** AWS Signature Version 4 as a server checks it: the request as it came, against the shared secret. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { encodeUtf8, sha256Hex } from "../../core/encoding.ts";
import { S3Problem } from "./problem.ts";

const MAX_SKEW_MS = 15 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const UNSIGNED = "UNSIGNED-PAYLOAD";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Throws S3Problem unless the owner of the secret sent exactly this request and body. */
export function requireSignature(
  request: Request,
  body: Uint8Array,
  credentials: S3Credentials,
  nowMs: number,
): void {
  const header = request.headers.get("authorization");
  if (header === null) throw new S3Problem(403, "AccessDenied", "Access Denied");
  const parts = AUTHORIZATION.exec(header);
  if (!parts) {
    throw new S3Problem(400, "AuthorizationHeaderMalformed", "The header is malformed");
  }
  const [, keyId, date, region, signedHeaders, signature] = parts as unknown as string[];
  if (keyId !== credentials.accessKeyId) {
    throw new S3Problem(403, "InvalidAccessKeyId", "The access key id does not exist");
  }
  const amzDate = request.headers.get("x-amz-date") ?? "";
  if (!(Math.abs(parseAmzDate(amzDate) - nowMs) <= MAX_SKEW_MS)) {
    throw new S3Problem(403, "RequestTimeTooSkewed", "The request time differs too much");
  }
  const payloadHash = requirePayloadHash(request, body);
  const scope = `${date}/${region}/s3/aws4_request`;
  const canonical = canonicalRequest(request, signedHeaders!.split(";"), payloadHash);
  const text = ["AWS4-HMAC-SHA256", amzDate, scope, sha256Hex(canonical)].join("\n");
  const expected = hmac(signingKey(credentials, date!, region!), text);
  if (!timingSafeEqual(expected, Uint8Array.fromHex(signature!))) {
    throw new S3Problem(403, "SignatureDoesNotMatch", "The signature does not match");
  }
}

function parseAmzDate(text: string): number {
  return Date.parse(text.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z"));
}

function requirePayloadHash(request: Request, body: Uint8Array): string {
  const declared = request.headers.get("x-amz-content-sha256") ?? "";
  if (declared.startsWith("STREAMING-")) {
    throw new S3Problem(501, "NotImplemented", "Streamed payloads are not implemented");
  }
  if (declared !== UNSIGNED && declared !== sha256Hex(body)) {
    throw new S3Problem(400, "XAmzContentSHA256Mismatch", "The payload does not match its hash");
  }
  return declared;
}

function canonicalRequest(
  request: Request,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  if (!signedHeaders.includes("host") || unsignedAmzHeader(request.headers, signedHeaders)) {
    throw new S3Problem(403, "AccessDenied", "There were headers that were not signed");
  }
  const url = new URL(request.url);
  const headers = signedHeaders.map((name) => {
    // HTTP/2 has :authority instead of a Host header.
    const value = request.headers.get(name) ?? (name === "host" ? url.host : "");
    return `${name}:${value.trim().replaceAll(/ +/g, " ")}\n`;
  });
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort();
  const path = url.pathname.split("/").map((part) => encodeRfc3986(decodeURIComponent(part)));
  return [
    request.method,
    path.join("/"),
    query.join("&"),
    headers.join(""),
    signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

function unsignedAmzHeader(headers: Headers, signed: readonly string[]): boolean {
  return [...headers.keys()].some((name) => name.startsWith("x-amz-") && !signed.includes(name));
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Uint8Array, text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}

function signingKey({ secretAccessKey }: S3Credentials, date: string, region: string): Uint8Array {
  return [date, region, "s3", "aws4_request"].reduce(hmac, encodeUtf8(`AWS4${secretAccessKey}`));
}
