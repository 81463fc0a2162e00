/** Vault away when its token wants to be renewed: said in health, and mended by itself. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import type { Ground } from "./ground.ts";
import { registeredCluster } from "./orchestrator.ts";
import { withAgent, withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 30_000;
const ROLE_ID = "role-of-the-connector";
const SECRET_ID = "secret-id-of-the-connector";

Deno.test("agent gets over a Vault that is away while its token ends", () =>
  withGround(async (ground) => {
    const { pki, vault, controlPlane } = ground;
    await using proxy = await FaultProxy.start(vault.url);
    vault.allowAppRole(ROLE_ID, SECRET_ID, { ttlSeconds: 3 });
    const caFile = await ground.write("ca.pem", pki.caPem);
    const secretIdFile = await ground.write("secret-id", SECRET_ID);
    const auth = { method: "appRole" as const, roleId: ROLE_ID, secretIdFile };
    const changes = { vault: { address: proxy.url, caFile, auth, timeout: "1s" } };
    await withAgent(ground, changes, async ({ agent }) => {
      await registeredCluster(ground);
      await vaultIs(ground, "ok");

      proxy.refuse();
      proxy.reset();
      await agent.untilEvent("vault_renewal_failed");
      await vaultIs(ground, "degraded");
      // Its end is brought about: waiting for it would be a race with the renewal.
      vault.revokeAllTokens();
      await proxy.heal();
      await vaultIs(ground, "ok");

      const failures = agent.lines.length;
      proxy.stall();
      await agent.untilEvent(
        "vault_renewal_failed",
        ({ reason }) => agent.lines.length > failures && /in time/.test(String(reason)),
      );
      await proxy.heal();
      await vaultIs(ground, "ok");

      // A new registration needs a new identity token: the session is really good again.
      const registered = controlPlane.registrations.length;
      await controlPlane.revokeTokens();
      const again = controlPlane.until(() => controlPlane.registrations.length > registered);
      await within(LIMIT_MS, "another registration", again);
    });
    const { length } = vault.requests.filter(({ path }) => path.endsWith("/approle/login"));
    assert.ok(length >= 2, `${length} logins: the token should have ended meanwhile`);
  }));

/** As the newest heartbeat says. */
async function vaultIs({ controlPlane }: Ground, state: string): Promise<void> {
  const known = controlPlane.heartbeats.length;
  const isSo = () =>
    controlPlane.heartbeats.slice(known).at(-1)?.heartbeat.parts
      .some((part) => part.name === "vault" && part.state === state) ?? false;
  await within(LIMIT_MS, `vault is ${state}`, controlPlane.until(isSo));
}
