/**
 * The audit archive in S3. Objects are created, never replaced, and read back. The SDK is loaded when
 * there is something to do, and gets everything explicitly: of the environment it needs HOME to be
 * visible, of the system `osRelease`.
 */
import type { ListObjectVersionsCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { decodeBase64, encodeBase64, encodeHex, sha256, sha256Hex } from "../core/encoding.ts";
import type {
  Archive,
  ObjectVersion,
  StoredClaim,
  WormObject,
  WormStore,
} from "../core/audit/shipping.ts";
import { RefusedError, StalledError } from "../errors.ts";
import { s3ErrorName, toS3Error } from "./s3_errors.ts";
import process from "node:process";

/** A home in which there are no settings. */
const NOWHERE = "/nonexistent";
/** Stores keep whole seconds. */
const SECOND_MS = 1000;

type Sdk = typeof import("@aws-sdk/client-s3");

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

export interface StoredObject {
  readonly bytes: number;
  /** Raw; null when the store keeps none for this object. */
  readonly sha256: Uint8Array | null;
  /** In COMPLIANCE mode; null without, and for who may not see it. */
  readonly retainedUntilMs: number | null;
}

export class S3Archive implements WormStore, Archive {
  #connection: Promise<{ sdk: Sdk; client: S3Client }> | null = null;
  #objectLock: Promise<boolean> | null = null;

  constructor(private readonly options: S3Options) {}

  async putCreateOnly(
    { key, body, retainUntilMs }: WormObject & { readonly retainUntilMs: number | null },
  ): Promise<"created" | "exists"> {
    const lock = retainUntilMs !== null && await this.hasObjectLock()
      ? {
        ObjectLockMode: "COMPLIANCE" as const,
        ObjectLockRetainUntilDate: new Date(retainUntilMs),
      }
      : {};
    const { sdk, client } = await this.#connect();
    try {
      await client.send(
        new sdk.PutObjectCommand({
          Bucket: this.options.bucket,
          Key: key,
          Body: body,
          ContentLength: body.length,
          ChecksumSHA256: encodeBase64(sha256(body)),
          IfNoneMatch: "*",
          ...lock,
        }),
      );
      return "created";
    } catch (error) {
      if (s3ErrorName(error) !== "PreconditionFailed") {
        throw this.#translate(error, `PUT of ${key}`);
      }
    }
    // The key is taken. By these very bytes, perhaps: an answer that was lost, or another attempt.
    const { length: bytes } = body;
    await this.requireStored({
      key,
      bytes,
      sha256: sha256Hex(body),
      retainedUntilMs: null,
      wasSeen: false,
    });
    return "exists";
  }

  async requireStored(claim: StoredClaim): Promise<void> {
    const { key, bytes, sha256: digest, retainedUntilMs, wasSeen } = claim;
    const found = await this.head(key);
    if (found === null) {
      if (wasSeen) throw this.#gone(key);
      throw this.#translate(new Error("there is no such object"), `HEAD of ${key}`);
    }
    const content = found.bytes !== bytes
      ? null
      : found.sha256 ?? sha256(await collect(this.get(key)));
    if (content !== null && encodeHex(content) === digest) {
      if (retainedUntilMs !== null && await this.hasObjectLock()) {
        this.#requireRetention(key, found.retainedUntilMs, retainedUntilMs);
      }
      return;
    }
    throw new RefusedError(
      "audit_broken",
      `${this.#where()}: ${key} exists with other content: expected ${bytes} bytes with SHA-256 ` +
        `${digest}, found ${found.bytes} bytes with ${
          content === null ? "another" : encodeHex(content)
        }`,
      { hint: "another log ships under this key, or this one was rolled back: compare both" },
    );
  }

  #gone(key: string): RefusedError {
    return new RefusedError("audit_broken", `${this.#where()}: ${key} was there and is gone`, {
      hint:
        "look for a delete marker, remove that marker, and find out who may delete in the bucket",
    });
  }

  #requireRetention(key: string, found: number | null, expected: number): void {
    if (found !== null && found + SECOND_MS > expected) return;
    const until = found === null ? "not at all" : `until ${new Date(found).toISOString()}`;
    throw new StalledError(
      "bucket_settings",
      `${this.#where()}: ${key} is retained ${until} in COMPLIANCE mode, expected until ` +
        new Date(expected).toISOString(),
      { hint: "lengthen its retention, or let the key read it: s3:GetObjectRetention" },
    );
  }

  async head(key: string): Promise<StoredObject | null> {
    const { sdk, client } = await this.#connect();
    const input = { Bucket: this.options.bucket, Key: key, ChecksumMode: "ENABLED" as const };
    try {
      const answer = await client.send(new sdk.HeadObjectCommand(input));
      const checksum = answer.ChecksumSHA256;
      // A composite checksum, `…-3`, is one over parts and not over the content.
      const isWhole = checksum !== undefined && !checksum.includes("-");
      return {
        bytes: answer.ContentLength ?? 0,
        sha256: isWhole ? decodeBase64(checksum) : null,
        retainedUntilMs: answer.ObjectLockMode === "COMPLIANCE"
          ? answer.ObjectLockRetainUntilDate?.getTime() ?? null
          : null,
      };
    } catch (error) {
      if (s3ErrorName(error) === "NotFound") return null;
      throw this.#translate(error, `HEAD of ${key}`);
    }
  }

  async *get(key: string): AsyncGenerator<Uint8Array> {
    const { sdk, client } = await this.#connect();
    try {
      const { Body } = await client.send(
        new sdk.GetObjectCommand({ Bucket: this.options.bucket, Key: key }),
      );
      yield* Body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw this.#translate(error, `GET of ${key}`);
    }
  }

  async *versions(prefix: string): AsyncGenerator<ObjectVersion> {
    let page: ListObjectVersionsCommandOutput | null = null;
    do {
      page = await this.#listPage(prefix, page);
      const versions = page.Versions?.map((version) => toVersion(version, false)) ?? [];
      const markers = page.DeleteMarkers?.map((marker) => toVersion(marker, true)) ?? [];
      yield* [...versions, ...markers].sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    } while (page.IsTruncated);
  }

  /** Asked once; a failure is not remembered. */
  hasObjectLock(): Promise<boolean> {
    return this.#objectLock ??= this.#askObjectLock().catch((error) => {
      this.#objectLock = null;
      throw error;
    });
  }

  async close(): Promise<void> {
    const connection = await this.#connection;
    connection?.client.destroy();
    this.#connection = null;
  }

  async #listPage(
    prefix: string,
    before: ListObjectVersionsCommandOutput | null,
  ): Promise<ListObjectVersionsCommandOutput> {
    const { sdk, client } = await this.#connect();
    const { NextKeyMarker, NextVersionIdMarker } = before ?? {};
    try {
      return await client.send(
        new sdk.ListObjectVersionsCommand({
          Bucket: this.options.bucket,
          Prefix: prefix,
          ...(NextKeyMarker === undefined ? {} : { KeyMarker: NextKeyMarker }),
          ...(NextVersionIdMarker === undefined ? {} : { VersionIdMarker: NextVersionIdMarker }),
        }),
      );
    } catch (error) {
      throw this.#translate(error, `listing of ${prefix}`);
    }
  }

  async #askObjectLock(): Promise<boolean> {
    const { sdk, client } = await this.#connect();
    try {
      const answer = await client.send(
        new sdk.GetObjectLockConfigurationCommand({ Bucket: this.options.bucket }),
      );
      return answer.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
    } catch (error) {
      const name = s3ErrorName(error);
      if (name === "ObjectLockConfigurationNotFoundError" || name === "NotImplemented") {
        return false;
      }
      throw this.#translate(error, "GetObjectLockConfiguration");
    }
  }

  #connect(): Promise<{ sdk: Sdk; client: S3Client }> {
    return this.#connection ??= this.#open();
  }

  async #open(): Promise<{ sdk: Sdk; client: S3Client }> {
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

  #where(): string {
    const { bucket, endpoint } = this.options;
    return `S3 bucket ${bucket}${endpoint === undefined ? "" : ` at ${endpoint}`}`;
  }

  #translate(error: unknown, what: string): Error {
    return toS3Error(error, this.#where(), what);
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Blob(await Array.fromAsync(chunks) as BlobPart[]).arrayBuffer());
}

function toVersion(
  found: { Key?: string | undefined; VersionId?: string | undefined },
  isDeleteMarker: boolean,
): ObjectVersion {
  return { key: found.Key ?? "", versionId: found.VersionId ?? "null", isDeleteMarker };
}
