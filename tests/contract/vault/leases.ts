/** Tokens: how long they live, what a renewal gives, and what their end looks like. */
import assert from "node:assert/strict";
import type { ContractTest } from "../contract.ts";
import { callVault, logIn, openSession, SIGNAL } from "./session.ts";
import { appRoleAuth, type VaultTarget } from "./target.ts";

const LIMIT_MS = 10_000;

async function isGone(target: VaultTarget, token: string): Promise<boolean> {
  return (await callVault(target, "auth/token/lookup-self", { token })).status === 403;
}

export const LEASES: readonly ContractTest<VaultTarget>[] = [
  {
    name: "Vault says of a token how long it lives, and renews it to its full lease",
    async run(target) {
      const role = await target.appRole({ ttlSeconds: 600 });
      const { client_token: token } = await logIn(target, role);
      const { body: { data } } = await callVault(target, "auth/token/lookup-self", { token });
      assert.ok(data.ttl > 590 && data.ttl <= 600, `ttl ${data.ttl}`);
      assert.equal(data.renewable, true);
      assert.ok(Date.parse(data.expire_time) > target.clock.now());
      assert.notEqual(data.entity_id, "");
      const renewed = await callVault(target, "auth/token/renew-self", { token, body: {} });
      assert.equal(renewed.status, 200);
      assert.equal(renewed.body.auth.lease_duration, 600);
      assert.equal(renewed.body.auth.renewable, true);
      assert.equal(renewed.body.auth.client_token, token);
    },
  },
  {
    name: "Vault ends a token at its time to live",
    async run(target) {
      const role = await target.appRole({ ttlSeconds: 2 });
      using held = openSession(target, await appRoleAuth(target, role));
      await held.session.identityToken(SIGNAL);
      const { client_token: token } = await logIn(target, role);
      assert.equal(await isGone(target, token), false);
      await target.until("the end of the token", LIMIT_MS, () => isGone(target, token));
      const renewal = await callVault(target, "auth/token/renew-self", { token, body: {} });
      assert.deepEqual([renewal.status, renewal.body.errors], [403, ["permission denied"]]);
      // Its token ended as well: it knows from the lease, and logs in without being refused first.
      await held.session.identityToken(SIGNAL);
      assert.equal(await held.logins(), 2);
    },
  },
  {
    name: "Vault renews past no maximum, and VaultSession then logs in anew",
    async run(target) {
      const role = await target.appRole({ ttlSeconds: 4, maxTtlSeconds: 5 });
      const { client_token: token } = await logIn(target, role);
      const leases = new Set<number>();
      const refusals = new Set<string>();
      await target.until("the end of the token", LIMIT_MS, async () => {
        const renewal = await callVault(target, "auth/token/renew-self", { token, body: {} });
        const { status, body } = renewal;
        if (status === 200) leases.add(body.auth.lease_duration);
        else refusals.add(`${status} ${body.errors[0]}`);
        return status === 403;
      });
      assert.deepEqual([...leases], [...leases].sort().reverse(), "leases only shrink");
      assert.equal(Math.max(...leases), 4);
      // Its last second is no refusal by its status: 500. While it is being revoked there may be a third.
      const [first, ...others] = refusals;
      assert.equal(first, "500 1 error occurred:\n\t* past the max TTL, cannot renew\n\n");
      assert.equal(others.at(-1), "403 permission denied");
      if (others.length > 1) assert.equal(others[0], "400 token not found");

      using held = openSession(target, await appRoleAuth(target, role));
      await held.session.renew(SIGNAL);
      await target.until("another login", LIMIT_MS, async () => {
        await held.session.renew(SIGNAL);
        return await held.logins() > 1;
      });
      await held.session.identityToken(SIGNAL);
    },
  },
  {
    name: "Vault answers 403 to a revoked token, and VaultSession logs in anew, once",
    async run(target) {
      const role = await target.appRole({ ttlSeconds: 600 });
      using held = openSession(target, await appRoleAuth(target, role));
      await held.session.identityToken(SIGNAL);
      const { client_token: token } = await logIn(target, role);
      await target.revokeLogins();
      assert.equal(await isGone(target, token), true);
      await held.session.identityToken(SIGNAL);
      assert.equal(await held.logins(), 2);
      await target.revokeLogins();
      await held.session.renew(SIGNAL);
      assert.equal(await held.logins(), 3);
    },
  },
  {
    name: "Vault renews no token that is not renewable, and VaultSession does not ask it to",
    async run(target) {
      const token = await target.token({ ttlSeconds: 600, renewable: false, hasEntity: false });
      const { body: { data } } = await callVault(target, "auth/token/lookup-self", { token });
      assert.equal(data.renewable, false);
      const { status, body } = await callVault(target, "auth/token/renew-self", {
        token,
        body: {},
      });
      assert.deepEqual([status, body.errors], [400, ["lease is not renewable"]]);
      using held = openSession(target, { method: "token", token });
      await held.session.renew(SIGNAL);

      const role = await target.appRole({ ttlSeconds: 600, renewable: false });
      using logged = openSession(target, await appRoleAuth(target, role));
      await logged.session.renew(SIGNAL);
      await logged.session.renew(SIGNAL);
      assert.equal(await logged.logins(), 2);
    },
  },
];
