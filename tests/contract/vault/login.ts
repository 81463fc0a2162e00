/** Ways in, and what is said to those who may not. */
import assert from "node:assert/strict";
import type { ContractTest } from "../contract.ts";
import { callVault, logIn, openSession, SIGNAL } from "./session.ts";
import { appRoleAuth, credentialFile, type VaultTarget } from "./target.ts";

const KUBERNETES = "auth/kubernetes/login";
const GRANT = { ttlSeconds: 600 };

export const LOGIN: readonly ContractTest<VaultTarget>[] = [
  {
    name: "Vault lets a service account in as its role, and no other",
    async run(target) {
      const { role, jwt } = target.serviceAccount;
      const tokenFile = await credentialFile(target, `${jwt}\n`);
      const auth = { method: "kubernetes", mount: "kubernetes", role, tokenFile } as const;
      using good = openSession(target, auth);
      await good.session.login(SIGNAL);
      await good.session.identityToken(SIGNAL);

      const wrongRole = await callVault(target, KUBERNETES, { body: { role: "nobody", jwt } });
      assert.equal(wrongRole.status, 400);
      assert.deepEqual(wrongRole.body.errors, ['invalid role name "nobody"']);
      using nobody = openSession(target, { ...auth, role: "nobody" });
      await assert.rejects(nobody.session.login(SIGNAL), {
        code: "vault_denied",
        message: 'Vault answered 400 to auth/kubernetes/login: invalid role name "nobody"',
      });
    },
  },
  {
    name: "Vault refuses a service account token that the cluster did not sign",
    async run(target) {
      const { role, jwt } = target.serviceAccount;
      for (const forged of ["no.jwt.atall", `${jwt.slice(0, -6)}AAAAAA`]) {
        const { status, body } = await callVault(target, KUBERNETES, {
          body: { role, jwt: forged },
        });
        assert.deepEqual([status, body.errors], [403, ["permission denied"]]);
        const tokenFile = await credentialFile(target, forged);
        const auth = { method: "kubernetes", mount: "kubernetes", role, tokenFile } as const;
        using session = openSession(target, auth);
        await assert.rejects(session.session.login(SIGNAL), { code: "vault_denied" });
      }
    },
  },
  {
    name: "Vault lets an AppRole in, and refuses a wrong secret id and a wrong role id alike",
    async run(target) {
      const role = await target.appRole(GRANT);
      const auth = await logIn(target, role);
      assert.equal(auth.lease_duration, GRANT.ttlSeconds);
      assert.equal(auth.renewable, true);
      for (const wrong of [{ secretId: "wrong-secret-id" }, { roleId: "wrong-role-id" }]) {
        const { mount, roleId, secretId } = { ...role, ...wrong };
        const body = { role_id: roleId, secret_id: secretId };
        const answer = await callVault(target, `auth/${mount}/login`, { body });
        assert.equal(answer.status, 400);
        assert.deepEqual(answer.body.errors, ["invalid role or secret ID"]);
        using refused = openSession(target, await appRoleAuth(target, { ...role, ...wrong }));
        await assert.rejects(refused.session.login(SIGNAL), (error: Error & { code?: string }) => {
          assert.equal(error.code, "vault_denied");
          assert.ok(!error.message.includes("wrong-secret-id"));
          return true;
        });
      }
    },
  },
  {
    name: "Vault answers 403 to a login at a mount that it does not have",
    async run(target) {
      const { status, body } = await callVault(target, "auth/nowhere/login", { body: {} });
      assert.deepEqual([status, body.errors], [403, ["permission denied"]]);
    },
  },
  {
    name: "Vault answers 403 to a token that it does not know",
    async run(target) {
      const answer = await callVault(target, "auth/token/lookup-self", { token: "s.unknown" });
      assert.deepEqual([answer.status, answer.body.errors], [403, ["permission denied"]]);
      using session = openSession(target, { method: "token", token: "s.unknown" });
      await assert.rejects(session.session.login(SIGNAL), {
        code: "vault_denied",
        message: "Vault answered 403 to auth/token/lookup-self: permission denied",
      });
    },
  },
];
