/** KV v2, and a Vault that is sealed. */
import assert from "node:assert/strict";
import { TransientError } from "../../../src/errors.ts";
import type { ContractTest } from "../contract.ts";
import { callVault, logIn, openSession, SIGNAL } from "./session.ts";
import { appRoleAuth, READABLE, type VaultTarget } from "./target.ts";

const GRANT = { ttlSeconds: 600 };

function somewhere(): string {
  return `${READABLE}/contract-${crypto.randomUUID()}`;
}

export const SECRETS: readonly ContractTest<VaultTarget>[] = [
  {
    name: "Vault gives a secret's newest version, and 404 for one that is absent or deleted",
    async run(target) {
      const role = await target.appRole(GRANT);
      const { client_token: token } = await logIn(target, role);
      using held = openSession(target, await appRoleAuth(target, role));
      const path = somewhere();
      const absent = await callVault(target, path, { token });
      assert.deepEqual([absent.status, absent.body.errors], [404, []]);
      await assert.rejects(held.session.readKv2(path, SIGNAL), {
        code: "config_invalid",
        message: `Vault answered 404 to ${path}: there is nothing`,
      });

      await target.writeSecret(path, { key: "first" });
      await target.writeSecret(path, { key: "second" });
      assert.deepEqual(await held.session.readKv2(path, SIGNAL), { key: "second" });

      await target.deleteSecret(path);
      const deleted = await callVault(target, path, { token });
      assert.equal(deleted.status, 404);
      assert.equal(deleted.body.data.data, null);
      assert.equal(deleted.body.data.metadata.version, 2);
      await assert.rejects(held.session.readKv2(path, SIGNAL), (error: Error) => {
        assert.equal((error as Error & { code?: string }).code, "config_invalid");
        assert.match(
          error.message,
          /^Vault answered 404 to secret\/data\/[^ ]+: version 2 was deleted$/,
        );
        return true;
      });
    },
  },
  {
    name: "Vault gives no secret that the policy does not name",
    async run(target) {
      const role = await target.appRole(GRANT);
      const { client_token: token } = await logIn(target, role);
      const path = "secret/data/of-others/password";
      const { status, body } = await callVault(target, path, { token });
      assert.equal(status, 403);
      assert.deepEqual(body.errors, ["1 error occurred:\n\t* permission denied\n\n"]);
      using held = openSession(target, await appRoleAuth(target, role));
      await assert.rejects(held.session.readKv2(path, SIGNAL), {
        code: "vault_denied",
        message: `Vault answered 403 to ${path}: 1 error occurred: * permission denied`,
      });
    },
  },
  {
    name: "Vault that is sealed says so in its health, and answers again once it is unsealed",
    async run(target) {
      await using vault = await target.sealed();
      const reached = { ...vault, clock: target.clock };
      using held = openSession(reached, { method: "token", token: vault.token });
      const { initialized, sealed } = await held.session.health(SIGNAL);
      assert.deepEqual({ initialized, sealed }, { initialized: true, sealed: true });
      const { status, body } = await callVault(vault, "auth/token/lookup-self", {
        token: vault.token,
      });
      assert.deepEqual([status, body.errors], [503, ["Vault is sealed"]]);
      await assert.rejects(
        held.session.login(SIGNAL),
        (error) => error instanceof TransientError && error.code === "unavailable",
      );
      await vault.unseal();
      await held.session.login(SIGNAL);
      assert.equal((await held.session.health(SIGNAL)).sealed, false);
    },
  },
];
