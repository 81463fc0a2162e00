/** Identity tokens: what the control plane is shown. */
import assert from "node:assert/strict";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { ContractTest } from "../contract.ts";
import { callVault, logIn, openSession, SIGNAL } from "./session.ts";
import { appRoleAuth, IDENTITY_ROLE, type VaultTarget } from "./target.ts";

const PATH = `identity/oidc/token/${IDENTITY_ROLE}`;
const GRANT = { ttlSeconds: 600 };

export const IDENTITY: readonly ContractTest<VaultTarget>[] = [
  {
    name: "Vault signs who the connector is, verifiable with the keys that it publishes",
    async run(target) {
      const role = await target.appRole(GRANT);
      const { client_token: token } = await logIn(target, role);
      const { body: { data } } = await callVault(target, PATH, { token });
      const { body: { data: self } } = await callVault(target, "auth/token/lookup-self", { token });
      const published = "identity/oidc/.well-known";
      const { body: about } = await callVault(target, `${published}/openid-configuration`);
      assert.equal(about.issuer, target.issuer);
      assert.equal(about.jwks_uri, `${target.issuer}/.well-known/keys`);
      const { body: keys } = await callVault(target, `${published}/keys`);
      const nowMs = target.clock.now();
      const { payload } = await jwtVerify(data.token, createLocalJWKSet(keys), {
        issuer: target.issuer,
        audience: data.client_id,
        currentDate: new Date(nowMs),
      });
      assert.equal(payload.sub, self.entity_id);
      assert.equal(payload.exp! - payload.iat!, data.ttl);
      assert.ok(Math.abs(payload.iat! * 1000 - nowMs) < 5000);
    },
  },
  {
    name: "Vault knows an AppRole as the same entity at every login",
    async run(target) {
      const role = await target.appRole(GRANT);
      const subjects = new Set<string>();
      for (let login = 0; login < 2; login += 1) {
        using held = openSession(target, await appRoleAuth(target, role));
        const [, claims] = (await held.session.identityToken(SIGNAL)).split(".");
        subjects.add(JSON.parse(atob(claims!.replaceAll("-", "+").replaceAll("_", "/"))).sub);
      }
      assert.equal(subjects.size, 1);
    },
  },
  {
    name: "Vault signs nothing for a token without an entity, and the error says what to do",
    async run(target) {
      const token = await target.token({ ...GRANT, hasEntity: false });
      const { status, body } = await callVault(target, PATH, { token });
      const reason = "no entity associated with the request's token";
      assert.deepEqual([status, body.errors], [400, [reason]]);
      using held = openSession(target, { method: "token", token });
      await assert.rejects(
        held.session.identityToken(SIGNAL),
        (error: Error & { code?: string; hint?: string }) => {
          assert.equal(error.code, "vault_denied");
          assert.ok(error.message.includes(reason));
          assert.match(error.hint ?? "", /kubernetes or appRole|entity alias/);
          return true;
        },
      );
    },
  },
  {
    name: "Vault signs for a token that was created with an entity",
    async run(target) {
      const token = await target.token({ ...GRANT, hasEntity: true });
      using held = openSession(target, { method: "token", token });
      await held.session.identityToken(SIGNAL);
    },
  },
  {
    name: "Vault signs only as the role that the policy names",
    async run(target) {
      using held = openSession(target, await appRoleAuth(target, await target.appRole(GRANT)), {
        identityRole: "someone-else",
      });
      await assert.rejects(held.session.identityToken(SIGNAL), {
        code: "vault_denied",
        message:
          "Vault answered 403 to identity/oidc/token/someone-else: 1 error occurred: * permission denied",
      });
    },
  },
];
