/** Two embedded S3 servers, as each holds one bucket. */
import { createPki } from "../../../src/embedded/pki.ts";
import { startS3 } from "../../../src/embedded/s3.ts";
import type { S3Place, S3Target } from "./target.ts";

const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "the-secret-of-the-example" };

export async function openEmbeddedS3(): Promise<S3Target> {
  const pki = await createPki();
  const { caPem } = pki;
  const start = (bucket: string, objectLock: boolean) =>
    startS3({ pki, bucket, objectLock, ...KEY });
  const [locked, plain] = [await start("locked", true), await start("plain", false)];
  const place = (bucket: string, endpoint: string): S3Place => ({
    ...KEY,
    bucket,
    endpoint,
    caPem,
  });
  return {
    locked: place("locked", locked.url),
    plain: place("plain", plain.url),
    async [Symbol.asyncDispose]() {
      await locked.close();
      await plain.close();
    },
  };
}
