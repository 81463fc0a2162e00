/** How a bucket is set up, as far as the access key may see it. Asks, and changes nothing. */
import type { S3Client } from "@aws-sdk/client-s3";
import { StalledError } from "../errors.ts";
import type { S3Connection, Sdk } from "./s3_connection.ts";
import { s3ErrorName } from "./s3_errors.ts";

export interface ObjectLockSettings {
  /** What objects get that ask for nothing; null for nothing. */
  readonly defaultRetention: { readonly mode: string; readonly days: number } | null;
}

const ABSENT = new Set([
  "ObjectLockConfigurationNotFoundError",
  "ServerSideEncryptionConfigurationNotFoundError",
  "NotImplemented",
]);

export class S3Settings {
  constructor(private readonly connection: S3Connection) {}

  async isVersioned(): Promise<boolean> {
    const answer = await this.#ask(
      "GetBucketVersioning",
      ({ sdk, client, Bucket }) => client.send(new sdk.GetBucketVersioningCommand({ Bucket })),
    );
    return answer?.Status === "Enabled";
  }

  /** null where the bucket has no Object Lock. */
  async objectLock(): Promise<ObjectLockSettings | null> {
    const answer = await this.#ask(
      "GetObjectLockConfiguration",
      ({ sdk, client, Bucket }) =>
        client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket })),
    );
    const found = answer?.ObjectLockConfiguration;
    if (found?.ObjectLockEnabled !== "Enabled") return null;
    const { Mode, Days, Years } = found.Rule?.DefaultRetention ?? {};
    const days = Days ?? (Years ?? 0) * 365;
    return { defaultRetention: Mode === undefined ? null : { mode: Mode, days } };
  }

  /** Name of the algorithm; null for none. */
  async encryption(): Promise<string | null> {
    const answer = await this.#ask(
      "GetBucketEncryption",
      ({ sdk, client, Bucket }) => client.send(new sdk.GetBucketEncryptionCommand({ Bucket })),
    );
    const [rule] = answer?.ServerSideEncryptionConfiguration?.Rules ?? [];
    return rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? null;
  }

  /**
   * Whether this access key may delete versions: tried on one that is not there.
   * @param absentKey under which nothing was ever written
   */
  async mayDeleteVersions(absentKey: string, bypassGovernance: boolean): Promise<boolean> {
    const { sdk, client } = await this.connection.open();
    const input = { Bucket: this.connection.bucket, Key: absentKey, VersionId: "null" };
    const bypass = bypassGovernance ? { BypassGovernanceRetention: true } : {};
    try {
      await client.send(new sdk.DeleteObjectCommand({ ...input, ...bypass }));
      return true;
    } catch (error) {
      const ours = this.connection.translate(error, "DELETE of a version that is not there");
      if (ours instanceof StalledError && ours.code === "access_denied") return false;
      if (["NoSuchVersion", "NoSuchKey"].includes(s3ErrorName(error))) return true;
      throw ours;
    }
  }

  /** null for what the bucket does not have. */
  async #ask<Answer>(
    what: string,
    call: (parts: { sdk: Sdk; client: S3Client; Bucket: string }) => Promise<Answer>,
  ): Promise<Answer | null> {
    const { sdk, client } = await this.connection.open();
    try {
      return await call({ sdk, client, Bucket: this.connection.bucket });
    } catch (error) {
      if (ABSENT.has(s3ErrorName(error))) return null;
      throw this.connection.translate(error, what);
    }
  }
}
