/** An embedded S3 and a client for it, closed together. */
import { S3Archive, type S3Options } from "../../src/adapters/s3.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { type EmbeddedS3, startS3 } from "../../src/embedded/s3.ts";

const BUCKET = "audit-bucket";
const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" };

export interface S3Fixture extends AsyncDisposable {
  readonly s3: EmbeddedS3;
  readonly archive: S3Archive;
  /** Of the server's certificate. */
  readonly caPem: string;
  /** Another client, closed with the rest. */
  connect(changes: Partial<S3Options>): S3Archive;
}

export async function createS3Fixture(
  { objectLock = false, versioning = false, mayDelete = true }: {
    objectLock?: boolean;
    versioning?: boolean;
    mayDelete?: boolean;
  } = {},
): Promise<S3Fixture> {
  const pki = await createPki();
  const s3 = await startS3({
    pki,
    bucket: BUCKET,
    objectLock,
    versioning: versioning || objectLock,
    mayDelete,
    ...KEY,
  });
  const clients: S3Archive[] = [];
  const connect = (changes: Partial<S3Options>) => {
    const client = new S3Archive({
      bucket: BUCKET,
      region: "us-east-1",
      endpoint: s3.url,
      pathStyle: true,
      caPem: pki.caPem,
      timeoutMs: 5000,
      accessKey: () => Promise.resolve(KEY),
      ...changes,
    });
    clients.push(client);
    return client;
  };
  return {
    s3,
    archive: connect({}),
    caPem: pki.caPem,
    connect,
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.close();
      await s3.close();
    },
  };
}
