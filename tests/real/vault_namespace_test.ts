/** vault.namespace on a real server: login, identity and secrets all lie in it. */
import assert from "node:assert/strict";
import { createLocalJWKSet, jwtVerify } from "jose";
import { FOLDER } from "../../scripts/testbed/testbed.ts";
import { VaultSession } from "../../src/adapters/vault.ts";
import { SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import { systemClock, systemRuntime } from "../../src/runtime_deno.ts";
import { callVault, SIGNAL } from "../contract/vault/session.ts";
import { IDENTITY_ROLE } from "../contract/vault/target.ts";
import { realTest, testbed } from "./peers.ts";

const POLICY = `
path "identity/oidc/token/${IDENTITY_ROLE}" { capabilities = ["read"] }
path "secret/data/*" { capabilities = ["read"] }
`;

realTest("VaultSession stays in its namespace", ["Vault (OpenBao)"], async () => {
  const { url: address, folder } = testbed.openbao!;
  const caPem = await Deno.readTextFile(`${FOLDER}/ca.pem`);
  const token = await Deno.readTextFile(`${folder}/root.token`);
  const namespace = `team-${crypto.randomUUID()}`;
  const administer = async (method: string, path: string, body?: Record<string, unknown>) => {
    const call = body ? { token, method, body } : { token, method };
    const answer = await callVault({ address, caPem }, path, call);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const inside = (path: string, body?: Record<string, unknown>) =>
    administer(body ? "POST" : "GET", `${namespace}/${path}`, body);
  const secretIdFile = `reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir("reports/test", { recursive: true });
  await administer("POST", `sys/namespaces/${namespace}`, {});
  try {
    await inside("sys/policies/acl/connector", { policy: POLICY });
    await inside("sys/auth/approle", { type: "approle" });
    await inside("sys/mounts/secret", { type: "kv", options: { version: "2" } });
    await inside("secret/data/s3", { data: { accessKeyId: "of-the-team" } });
    await inside("identity/oidc/key/k", { algorithm: "ES256", allowed_client_ids: ["*"] });
    await inside(`identity/oidc/role/${IDENTITY_ROLE}`, { key: "k", ttl: "5m" });
    await inside("auth/approle/role/r", { token_policies: ["connector"], token_ttl: "5m" });
    const { data: { role_id: roleId } } = await inside("auth/approle/role/r/role-id");
    const { data: { secret_id } } = await inside("auth/approle/role/r/secret-id", {});
    await Deno.writeTextFile(secretIdFile, secret_id);

    const auth = { method: "appRole", mount: "approle", roleId, secretIdFile } as const;
    const open = (more: { namespace?: string }) =>
      new VaultSession(
        systemRuntime(systemClock()),
        { address, caPem, auth, identityRole: IDENTITY_ROLE, timeoutMs: 5000, ...more },
        new SecretMask(),
        createMetrics(),
      );
    const session = open({ namespace });
    const outside = open({});
    try {
      const published = await inside("identity/oidc/.well-known/openid-configuration");
      const keys = createLocalJWKSet(await inside("identity/oidc/.well-known/keys"));
      const { payload } = await jwtVerify(await session.identityToken(SIGNAL), keys);
      assert.equal(payload.iss, published.issuer);
      assert.equal(payload.iss, `${address}/v1/${namespace}/identity/oidc`);
      assert.equal((await session.readKv2("secret/data/s3", SIGNAL))["accessKeyId"], "of-the-team");
      await session.renew(SIGNAL);
      await assert.rejects(outside.login(SIGNAL), { code: "vault_denied", hint: /namespace/ });
    } finally {
      session.close();
      outside.close();
    }
  } finally {
    await administer("DELETE", `sys/namespaces/${namespace}`);
    await Deno.remove(secretIdFile);
  }
});
