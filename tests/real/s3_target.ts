/** The testbed's MinIO as a target of the contract: two buckets for each test. */
import * as sdk from "@aws-sdk/client-s3";
import { FOLDER } from "../../scripts/testbed/testbed.ts";
import { open, type S3Place, type S3Target } from "../contract/s3/target.ts";
import { testbed } from "./peers.ts";

/** What is locked in them stays until the testbed goes. */
export async function openRealS3(): Promise<S3Target> {
  const { url: endpoint, accessKeyId, secretAccessKey } = testbed.minio!;
  const caPem = await Deno.readTextFile(`${FOLDER}/ca.pem`);
  const create = async (name: string, ObjectLockEnabledForBucket: boolean): Promise<S3Place> => {
    const bucket = `${name}-${crypto.randomUUID()}`;
    const place = { endpoint, caPem, bucket, accessKeyId, secretAccessKey };
    await using opened = open(place);
    const input = { Bucket: bucket, ObjectLockEnabledForBucket };
    await opened.client.send(new sdk.CreateBucketCommand(input));
    return place;
  };
  const [locked, plain] = [await create("locked", true), await create("plain", false)];
  return { locked, plain, [Symbol.asyncDispose]: () => Promise.resolve() };
}
