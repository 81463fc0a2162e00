/**
 * OpenBao over TLS on loopback, initialised and unsealed, with what the connector needs of it: Kubernetes
 * auth against the testbed's own API server, AppRole, an OIDC role, KV v2, transit and PKI.
 */
import { freePort } from "../ports.ts";
import { answersOk, untilReady, withClient } from "../readiness.ts";
import { NAMESPACE, SERVICE_ACCOUNT } from "./kubernetes_setup.ts";
import type { Service } from "./service.ts";

export const ROLE = "neuralops-connector";
export const S3_SECRET_PATH = "secret/data/neuralops/s3";
const TOKEN_TTL = "20m";
const POLICY = `
path "identity/oidc/token/${ROLE}" { capabilities = ["read"] }
path "secret/data/neuralops/*" { capabilities = ["read"] }
path "transit/keys/neuralops" { capabilities = ["read"] }
path "pki/issue/${ROLE}" { capabilities = ["update"] }
`;

export interface RunningOpenBao {
  readonly url: string;
  /** Files: `root.token`, `approle.role-id`, `approle.secret-id`. */
  readonly folder: string;
}

export async function startOpenBao(service: Service, program: string): Promise<RunningOpenBao> {
  const port = freePort();
  const url = `https://127.0.0.1:${port}`;
  await service.writeCertificate("server", await service.pki.issue("openbao"));
  await service.write("ca.pem", service.pki.caPem);
  await service.write(
    "server.json",
    JSON.stringify({
      storage: { inmem: {} },
      api_addr: url,
      listener: {
        tcp: {
          address: `127.0.0.1:${port}`,
          cluster_address: `127.0.0.1:${freePort()}`,
          tls_cert_file: service.path("server.crt"),
          tls_key_file: service.path("server.key"),
        },
      },
    }),
  );
  const daemon = service.start({
    name: "openbao",
    program,
    args: ["server", `-config=${service.path("server.json")}`],
  });
  await withClient(service.caller(), (client) =>
    untilReady(
      daemon,
      service.folder,
      // 501: up, and not initialised yet.
      () => answersOk(`${url}/v1/sys/health?uninitcode=200`, client),
    ));
  return { url, folder: service.folder };
}

export interface VaultSetup {
  readonly kubernetesUrl: string | null;
  readonly s3: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
}

export async function setUpOpenBao(
  service: Service,
  { url }: RunningOpenBao,
  { kubernetesUrl, s3 }: VaultSetup,
): Promise<void> {
  await withClient(service.caller(), async (client) => {
    let token = "";
    // deno-lint-ignore no-explicit-any
    const call = async (method: string, path: string, body?: unknown): Promise<any> => {
      const response = await fetch(`${url}/v1/${path}`, {
        method,
        client,
        headers: { "x-vault-token": token },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === "" ? {} : JSON.parse(text);
    };
    const post = (path: string, body: unknown) => call("POST", path, body);

    const { root_token, keys } = await post("sys/init", { secret_shares: 1, secret_threshold: 1 });
    await post("sys/unseal", { key: keys[0] });
    token = root_token;
    await service.write("root.token", root_token);

    await post("sys/mounts/secret", { type: "kv", options: { version: "2" } });
    await post("sys/mounts/transit", { type: "transit" });
    await post("sys/mounts/pki", { type: "pki" });
    await post("sys/policies/acl/neuralops", { policy: POLICY });
    await post("transit/keys/neuralops", { type: "ecdsa-p256" });
    await post("pki/root/generate/internal", { common_name: "testbed PKI", key_type: "ec" });
    await post(`pki/roles/${ROLE}`, { allow_localhost: true, allow_ip_sans: true, max_ttl: "24h" });

    await post("identity/oidc/config", { issuer: url });
    await post("identity/oidc/key/neuralops", { algorithm: "ES256", allowed_client_ids: ["*"] });
    await post(`identity/oidc/role/${ROLE}`, { key: "neuralops", ttl: "1h" });

    await post("sys/auth/approle", { type: "approle" });
    const grant = { token_policies: ["neuralops"], token_ttl: TOKEN_TTL };
    await post(`auth/approle/role/${ROLE}`, grant);
    const { data: { role_id } } = await call("GET", `auth/approle/role/${ROLE}/role-id`);
    const { data: { secret_id } } = await post(`auth/approle/role/${ROLE}/secret-id`, {});
    await service.write("approle.role-id", role_id);
    await service.write("approle.secret-id", secret_id);

    if (kubernetesUrl) {
      await post("sys/auth/kubernetes", { type: "kubernetes" });
      await post("auth/kubernetes/config", {
        kubernetes_host: kubernetesUrl,
        kubernetes_ca_cert: service.pki.caPem,
        // It is no pod: without this it would look for a service account of its own.
        disable_local_ca_jwt: true,
      });
      await post(`auth/kubernetes/role/${ROLE}`, {
        ...grant,
        bound_service_account_names: [SERVICE_ACCOUNT],
        bound_service_account_namespaces: [NAMESPACE],
      });
    }
    if (s3) await post(S3_SECRET_PATH, { data: s3 });
  });
}
