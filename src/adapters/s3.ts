/** The audit archive in S3. Objects are created, never replaced, and read back. */
import type { ListObjectVersionsCommandOutput } from "@aws-sdk/client-s3";
import { decodeBase64, encodeBase64, encodeHex, sha256, sha256Hex } from "../core/encoding.ts";
import type {
  Archive,
  ObjectVersion,
  StoredClaim,
  WormObject,
  WormStore,
} from "../core/audit/shipping.ts";
import { RefusedError, StalledError } from "../errors.ts";
import { S3Connection, type S3Options } from "./s3_connection.ts";
import { s3ErrorName } from "./s3_errors.ts";

export type { S3AccessKey, S3Options } from "./s3_connection.ts";

/** Stores keep whole seconds. */
const SECOND_MS = 1000;

export interface StoredObject {
  readonly bytes: number;
  /** Raw; null when the store keeps none for this object. */
  readonly sha256: Uint8Array | null;
  /** In COMPLIANCE mode; null without, and for who may not see it. */
  readonly retainedUntilMs: number | null;
}

export class S3Archive implements WormStore, Archive {
  #objectLock: Promise<boolean> | null = null;

  /** For who asks about the bucket itself. */
  readonly connection: S3Connection;

  constructor(options: S3Options) {
    this.connection = new S3Connection(options);
  }

  async putCreateOnly(
    { key, body, retainUntilMs }: WormObject & { readonly retainUntilMs: number | null },
  ): Promise<"created" | "exists"> {
    const lock = retainUntilMs !== null && await this.hasObjectLock()
      ? {
        ObjectLockMode: "COMPLIANCE" as const,
        ObjectLockRetainUntilDate: new Date(retainUntilMs),
      }
      : {};
    const { sdk, client } = await this.connection.open();
    try {
      await client.send(
        new sdk.PutObjectCommand({
          Bucket: this.connection.bucket,
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
        throw this.connection.translate(error, `PUT of ${key}`);
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
      throw this.connection.translate(new Error("there is no such object"), `HEAD of ${key}`);
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
      `${this.connection.where}: ${key} exists with other content: expected ${bytes} bytes with SHA-256 ` +
        `${digest}, found ${found.bytes} bytes with ${
          content === null ? "another" : encodeHex(content)
        }`,
      { hint: "another log ships under this key, or this one was rolled back: compare both" },
    );
  }

  #gone(key: string): RefusedError {
    return new RefusedError(
      "audit_broken",
      `${this.connection.where}: ${key} was there and is gone`,
      {
        hint:
          "look for a delete marker, remove that marker, and find out who may delete in the bucket",
      },
    );
  }

  #requireRetention(key: string, found: number | null, expected: number): void {
    if (found !== null && found + SECOND_MS > expected) return;
    const until = found === null ? "not at all" : `until ${new Date(found).toISOString()}`;
    throw new StalledError(
      "bucket_settings",
      `${this.connection.where}: ${key} is retained ${until} in COMPLIANCE mode, expected until ` +
        new Date(expected).toISOString(),
      { hint: "lengthen its retention, or let the key read it: s3:GetObjectRetention" },
    );
  }

  async head(key: string): Promise<StoredObject | null> {
    const { sdk, client } = await this.connection.open();
    const input = { Bucket: this.connection.bucket, Key: key, ChecksumMode: "ENABLED" as const };
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
      throw this.connection.translate(error, `HEAD of ${key}`);
    }
  }

  async *get(key: string): AsyncGenerator<Uint8Array> {
    const { sdk, client } = await this.connection.open();
    try {
      const { Body } = await client.send(
        new sdk.GetObjectCommand({ Bucket: this.connection.bucket, Key: key }),
      );
      yield* Body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw this.connection.translate(error, `GET of ${key}`);
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
    await this.connection.close();
  }

  async #listPage(
    prefix: string,
    before: ListObjectVersionsCommandOutput | null,
  ): Promise<ListObjectVersionsCommandOutput> {
    const { sdk, client } = await this.connection.open();
    const { NextKeyMarker, NextVersionIdMarker } = before ?? {};
    try {
      return await client.send(
        new sdk.ListObjectVersionsCommand({
          Bucket: this.connection.bucket,
          Prefix: prefix,
          ...(NextKeyMarker === undefined ? {} : { KeyMarker: NextKeyMarker }),
          ...(NextVersionIdMarker === undefined ? {} : { VersionIdMarker: NextVersionIdMarker }),
        }),
      );
    } catch (error) {
      throw this.connection.translate(error, `listing of ${prefix}`);
    }
  }

  async #askObjectLock(): Promise<boolean> {
    const { sdk, client } = await this.connection.open();
    try {
      const answer = await client.send(
        new sdk.GetObjectLockConfigurationCommand({ Bucket: this.connection.bucket }),
      );
      return answer.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
    } catch (error) {
      const name = s3ErrorName(error);
      if (name === "ObjectLockConfigurationNotFoundError" || name === "NotImplemented") {
        return false;
      }
      throw this.connection.translate(error, "GetObjectLockConfiguration");
    }
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
