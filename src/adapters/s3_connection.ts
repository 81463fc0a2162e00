/**
 * One bucket's client. The SDK is loaded when there is something to do, and gets everything explicitly: of
 * the environment it needs HOME to be visible, of the system `osRelease`.
 */
import type { S3Client } from "@aws-sdk/client-s3";
import process from "node:process";
import { toS3Error } from "./s3_errors.ts";

/** A home in which there are no settings. */
const NOWHERE = "/nonexistent";

export type Sdk = typeof import("@aws-sdk/client-s3");

export interface S3AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When to ask for a new one. */
  readonly expiration?: Date;
}

export interface S3Options {
  readonly bucket: string;
  readonly region: string;
  /** Default: AWS. */
  readonly endpoint?: string;
  readonly pathStyle: boolean;
  /** Replaces the system's roots. */
  readonly caPem?: string;
  readonly timeoutMs: number;
  accessKey(): Promise<S3AccessKey>;
}

export class S3Connection {
  #opened: Promise<{ sdk: Sdk; client: S3Client }> | null = null;

  constructor(private readonly options: S3Options) {}

  get bucket(): string {
    return this.options.bucket;
  }

  /** For messages. */
  get where(): string {
    const { bucket, endpoint } = this.options;
    return `S3 bucket ${bucket}${endpoint === undefined ? "" : ` at ${endpoint}`}`;
  }

  open(): Promise<{ sdk: Sdk; client: S3Client }> {
    return this.#opened ??= this.#load();
  }

  /** @param what such as `PUT of audit/…` */
  translate(error: unknown, what: string): Error {
    return toS3Error(error, this.where, what);
  }

  async close(): Promise<void> {
    const opened = await this.#opened;
    opened?.client.destroy();
    this.#opened = null;
  }

  async #load(): Promise<{ sdk: Sdk; client: S3Client }> {
    const { region, endpoint, pathStyle, caPem, timeoutMs, accessKey } = this.options;
    // A service may have no HOME; the SDK then asks for the user's number, which the agent may not know.
    process.env.HOME ??= NOWHERE;
    const [sdk, { Agent }] = await Promise.all([
      import("@aws-sdk/client-s3"),
      import("node:https"),
    ]);
    const client = new sdk.S3Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      forcePathStyle: pathStyle,
      credentials: () => accessKey(),
      // The upload loop alone decides when to try again.
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      followRegionRedirects: false,
      requestHandler: {
        connectionTimeout: timeoutMs,
        requestTimeout: timeoutMs,
        throwOnRequestTimeout: true,
        // A body in the middle of which the server falls silent: nothing else bounds that.
        socketTimeout: timeoutMs,
        httpsAgent: new Agent({ keepAlive: true, ...(caPem === undefined ? {} : { ca: caPem }) }),
      },
    });
    return { sdk, client };
  }
}
