/** What the S3 SDK throws, as one of ours. */
import { ConnectorError, RefusedError, StalledError, TransientError } from "../errors.ts";

const DENIED = new Set([
  "AccessDenied",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "RequestTimeTooSkewed",
]);
const BUCKET = new Set([
  "NoSuchBucket",
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
  "InvalidBucketState",
  "InvalidRequest",
  "InvalidArgument",
]);
const TLS = /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO_VERIFY|certificate|UnknownIssuer/i;

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

export function s3ErrorName(error: unknown): string {
  return (error as SdkError).name ?? "";
}

/** @param what such as `PUT of audit/…` */
export function toS3Error(error: unknown, where: string, what: string): Error {
  // The access key's source failed: that error knows better.
  if (error instanceof ConnectorError) return error;
  const { name = "Error", message = "", code = "", $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  const text = `${where}: ${what} failed: ${status ?? ""} ${name} ${message}`.replaceAll(
    /\s+/g,
    " ",
  );
  const cause = error;
  if (DENIED.has(name) || status === 401 || status === 403) {
    const hint = "check the access key, its secret, its policy and this machine's clock";
    return new StalledError("access_denied", text, { cause, hint });
  }
  if (BUCKET.has(name) || status === 301) {
    const hint = "check audit.s3.bucket, region, endpoint and pathStyle, and the bucket's settings";
    return new StalledError("bucket_settings", text, { cause, hint });
  }
  if (name === "NoSuchKey" || name === "NotFound" || status === 404) {
    return new RefusedError("not_found", text, { cause });
  }
  if (name === "TimeoutError" || code === "ETIMEDOUT") {
    return new TransientError("timeout", text, { cause });
  }
  if (status === undefined && TLS.test(`${code} ${message}`)) {
    const hint = "check audit.s3.caFile, the certificate's names and its dates";
    return new StalledError("tls_untrusted", text, { cause, hint });
  }
  const busy = status === 429 || name === "SlowDown" || name === "Throttling";
  return new TransientError(busy ? "rate_limited" : "unavailable", text, { cause });
}
