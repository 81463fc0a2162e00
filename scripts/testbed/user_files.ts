/** What a person takes from the testbed: a file of variables for the shell, and a configuration. */
import { stringify } from "yaml";
import type { Pki } from "../../src/embedded/pki.ts";
import { LOCKED_BUCKET, REGION } from "./services/minio.ts";
import { ROLE, S3_SECRET_PATH } from "./services/openbao.ts";
import { FOLDER, type Testbed } from "./testbed.ts";

export const ENV_FILE = `${FOLDER}/env`;
/** The connector's configuration for the real peers; what is not in it is not there. */
export const CONFIG_FILE = `${FOLDER}/connector.yaml`;
const CA_FILE = `./${FOLDER}/ca.pem`;

export async function writeUserFiles(testbed: Testbed, pki: Pki): Promise<void> {
  await write(CA_FILE, pki.caPem);
  await write(ENV_FILE, await variables(testbed));
  await write(CONFIG_FILE, stringify(configuration(testbed)));
}

async function write(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text, { mode: 0o600 });
}

async function variables({ kubernetes, openbao, minio, prometheus }: Testbed): Promise<string> {
  const here = Deno.cwd();
  const found: Record<string, string> = {
    ...(kubernetes ? { KUBECONFIG: `${here}/${kubernetes.folder}/admin.kubeconfig` } : {}),
    ...(openbao
      ? {
        VAULT_ADDR: openbao.url,
        VAULT_CACERT: `${here}/${FOLDER}/ca.pem`,
        VAULT_TOKEN: await Deno.readTextFile(`${openbao.folder}/root.token`),
      }
      : {}),
    ...(minio
      ? {
        AWS_ENDPOINT_URL_S3: minio.url,
        AWS_CA_BUNDLE: `${here}/${FOLDER}/ca.pem`,
        AWS_REGION: REGION,
        AWS_ACCESS_KEY_ID: minio.accessKeyId,
        AWS_SECRET_ACCESS_KEY: minio.secretAccessKey,
      }
      : {}),
    ...(prometheus ? { PROMETHEUS_URL: prometheus.url } : {}),
  };
  return Object.entries(found).map(([name, value]) => `export ${name}='${value}'\n`).join("");
}

/** Sections of connector.yaml: `simulate --config` puts them in the place of its embedded peers. */
function configuration({ kubernetes, openbao, minio, prometheus }: Testbed) {
  const auth = kubernetes
    ? {
      method: "kubernetes",
      role: ROLE,
      tokenFile: `./${kubernetes.folder}/service-account.token`,
    }
    : null;
  return {
    ...(openbao && auth
      ? { vault: { address: openbao.url, caFile: CA_FILE, identityRole: ROLE, auth } }
      : {}),
    ...(prometheus
      ? {
        prometheus: { url: prometheus.url, caFile: CA_FILE },
        signals: {
          queries: [
            { name: "up", expr: "up", step: "1s" },
            { name: "cpu", expr: "node_cpu_seconds_total", step: "1s" },
            { name: "memory", expr: "node_memory_MemAvailable_bytes", step: "1s" },
          ],
        },
      }
      : {}),
    ...(kubernetes
      ? {
        kubernetes: {
          mode: "kubeconfig",
          kubeconfig: `./${kubernetes.folder}/connector.kubeconfig`,
        },
      }
      : {}),
    ...(minio
      ? {
        audit: {
          s3: {
            bucket: LOCKED_BUCKET,
            region: REGION,
            endpoint: minio.url,
            caFile: CA_FILE,
            pathStyle: true,
            ...(openbao
              ? { credentialsVaultPath: S3_SECRET_PATH }
              : { credentialsFile: `./${FOLDER}/minio/credentials.json` }),
          },
        },
      }
      : {}),
  };
}
