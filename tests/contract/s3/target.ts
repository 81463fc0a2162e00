/** An S3 server with two buckets of a test's own. */
import * as sdk from "@aws-sdk/client-s3";
import { Agent } from "node:https";
import { S3Archive, type S3Options } from "../../../src/adapters/s3.ts";
import { encodeBase64, encodeUtf8, sha256 } from "../../../src/core/encoding.ts";

export interface S3Place {
  readonly endpoint: string;
  readonly caPem: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Target extends AsyncDisposable {
  /** Has Object Lock, and so versions. */
  readonly locked: S3Place;
  /** Has neither. */
  readonly plain: S3Place;
}

export const REGION = "us-east-1";
export const BODY = encodeUtf8("one line\n");
export const CHECKSUM = encodeBase64(sha256(BODY));

export function tomorrow(days = 1): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 + days * 86_400_000);
}

export interface Opened extends AsyncDisposable {
  readonly archive: S3Archive;
  /** The SDK past all of our code. */
  readonly client: sdk.S3Client;
}

export function open(place: S3Place, changes: Partial<S3Options> = {}): Opened {
  const { endpoint, caPem, bucket, accessKeyId, secretAccessKey } = place;
  const credentials = { accessKeyId, secretAccessKey };
  const archive = new S3Archive({
    bucket,
    region: REGION,
    endpoint,
    pathStyle: true,
    caPem,
    timeoutMs: 5000,
    accessKey: () => Promise.resolve(credentials),
    ...changes,
  });
  const client = new sdk.S3Client({
    region: REGION,
    endpoint,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { httpsAgent: new Agent({ ca: caPem }) },
  });
  return {
    archive,
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await archive.close();
    },
  };
}

/** Name and status of what a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { name, $metadata } = error as sdk.S3ServiceException;
    return `${$metadata?.httpStatusCode} ${name}`;
  }
  return "done";
}
