/** MinIO over TLS on loopback, with a bucket that has Object Lock and one that has not. */
import { Agent } from "node:https";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { encodeHex } from "../../../src/core/encoding.ts";
import { freePort } from "../ports.ts";
import { answersOk, untilReady, withClient } from "../readiness.ts";
import type { Service } from "./service.ts";

export const REGION = "us-east-1";
export const LOCKED_BUCKET = "audit-archive";
export const PLAIN_BUCKET = "plain";

export interface RunningMinio {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export async function startMinio(service: Service, program: string): Promise<RunningMinio> {
  const port = freePort();
  const url = `https://127.0.0.1:${port}`;
  const secret = encodeHex(crypto.getRandomValues(new Uint8Array(20)));
  const running = { url, accessKeyId: "testbed", secretAccessKey: secret };
  const certificate = await service.pki.issue("minio");
  // The names that MinIO looks for.
  await service.write("public.crt", certificate.certPem);
  await service.write("private.key", certificate.keyPem);
  await service.write(
    "credentials.json",
    JSON.stringify({ accessKeyId: running.accessKeyId, secretAccessKey: secret }),
  );
  const daemon = service.start({
    name: "minio",
    program,
    args: [
      "server",
      service.path("data"),
      `--address=127.0.0.1:${port}`,
      `--console-address=127.0.0.1:${freePort()}`,
      `--certs-dir=${service.folder}`,
      "--quiet",
    ],
    env: {
      MINIO_ROOT_USER: running.accessKeyId,
      MINIO_ROOT_PASSWORD: secret,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
    },
  });
  await withClient(service.caller(), (client) =>
    untilReady(
      daemon,
      service.folder,
      () => answersOk(`${url}/minio/health/ready`, client),
    ));
  await createBuckets(service, running);
  return running;
}

async function createBuckets({ pki }: Service, { url, ...credentials }: RunningMinio) {
  const client = new S3Client({
    region: REGION,
    endpoint: url,
    forcePathStyle: true,
    credentials,
    requestHandler: { httpsAgent: new Agent({ ca: pki.caPem }) },
  });
  try {
    for (const [bucket, locked] of [[LOCKED_BUCKET, true], [PLAIN_BUCKET, false]] as const) {
      const input = { Bucket: bucket, ObjectLockEnabledForBucket: locked };
      await client.send(new CreateBucketCommand(input));
    }
  } finally {
    client.destroy();
  }
}
