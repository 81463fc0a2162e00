/** The testbed's OpenBao as a target of the contract: everything that it is given is under names of its own. */
import { ROLE } from "../../scripts/testbed/services/openbao.ts";
import { freePort } from "../../scripts/testbed/ports.ts";
import { FOLDER } from "../../scripts/testbed/testbed.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { systemClock } from "../../src/runtime_deno.ts";
import { poll } from "../contract/contract.ts";
import { callVault } from "../contract/vault/session.ts";
import type { SealedVault, VaultTarget } from "../contract/vault/target.ts";
import { programOf, testbed } from "./peers.ts";
import { RunningProgram } from "./process.ts";

const POLICY = "neuralops";

export async function openRealVault(): Promise<VaultTarget> {
  const { url: address, folder: openbao } = testbed.openbao!;
  const caPem = await Deno.readTextFile(`${FOLDER}/ca.pem`);
  const rootToken = await Deno.readTextFile(`${openbao}/root.token`);
  const name = `contract-${crypto.randomUUID()}`;
  const folder = `reports/test/${name}`;
  await Deno.mkdir(folder, { recursive: true });
  const administer = async (method: string, path: string, body?: Record<string, unknown>) => {
    const answer = await callVault({ address, caPem }, path, {
      token: rootToken,
      method,
      ...(body ? { body } : {}),
    });
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  await administer("POST", `sys/auth/${name}`, { type: "approle" });
  await administer("POST", `auth/token/roles/${name}`, {
    allowed_entity_aliases: [name],
    allowed_policies: [POLICY],
  });
  let roles = 0;
  return {
    address,
    caPem,
    issuer: `${address}/v1/identity/oidc`,
    clock: systemClock(),
    folder,
    serviceAccount: {
      role: ROLE,
      jwt: await Deno.readTextFile(`${testbed.kubernetes!.folder}/service-account.token`),
    },
    async appRole({ ttlSeconds, maxTtlSeconds = 0, renewable = true }) {
      const path = `auth/${name}/role/role-${roles += 1}`;
      await administer("POST", path, {
        token_policies: [POLICY],
        token_ttl: ttlSeconds,
        token_max_ttl: maxTtlSeconds,
        token_type: renewable ? "service" : "batch",
      });
      const { data: { role_id: roleId } } = await administer("GET", `${path}/role-id`);
      const { data: { secret_id: secretId } } = await administer("POST", `${path}/secret-id`, {});
      return { mount: name, roleId, secretId };
    },
    async token({ ttlSeconds, maxTtlSeconds = 0, renewable = true, hasEntity }) {
      const path = hasEntity ? `auth/token/create/${name}` : "auth/token/create-orphan";
      const { auth } = await administer("POST", path, {
        policies: [POLICY],
        ttl: ttlSeconds,
        explicit_max_ttl: maxTtlSeconds,
        renewable,
        ...(hasEntity ? { entity_alias: name } : {}),
      });
      return auth.client_token;
    },
    async revokeLogins() {
      await administer("PUT", `sys/leases/revoke-prefix/auth/${name}/login`, { sync: true });
    },
    async writeSecret(path, data) {
      await administer("POST", path, { data });
    },
    async deleteSecret(path) {
      await administer("DELETE", path);
    },
    until: poll,
    sealed: startSealed,
    async [Symbol.asyncDispose]() {
      await administer("DELETE", `sys/auth/${name}`);
      await administer("DELETE", `auth/token/roles/${name}`);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A server of its own: the testbed's stays open. */
async function startSealed(): Promise<SealedVault> {
  const folder = `reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  const pki = await createPki();
  const { certPem, keyPem } = await pki.issue("sealed vault");
  const port = freePort();
  const address = `https://127.0.0.1:${port}`;
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  await write("server.crt", certPem);
  await write("server.key", keyPem);
  const tcp = {
    address: `127.0.0.1:${port}`,
    cluster_address: `127.0.0.1:${freePort()}`,
    tls_cert_file: `${folder}/server.crt`,
    tls_key_file: `${folder}/server.key`,
  };
  const settings = { storage: { inmem: {} }, api_addr: address, listener: { tcp } };
  await write("server.json", JSON.stringify(settings));
  const server = new RunningProgram(programOf("Vault (OpenBao)"), {
    args: ["server", `-config=${folder}/server.json`],
  });
  const close = async () => {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  };
  const at = { address, caPem: pki.caPem };
  try {
    await server.until("it listens", (line) => line.includes("server started!") || undefined);
    const body = { secret_shares: 1, secret_threshold: 1 };
    const { body: { root_token, keys } } = await callVault(at, "sys/init", { body });
    return {
      ...at,
      token: root_token,
      async unseal() {
        await callVault(at, "sys/unseal", { body: { key: keys[0] } });
        await poll("it is unsealed", 10_000, async () => {
          return (await callVault(at, "sys/health")).status === 200;
        });
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
