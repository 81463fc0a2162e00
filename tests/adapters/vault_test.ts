import assert from "node:assert/strict";
import { createLocalJWKSet, jwtVerify } from "jose";
import { VaultSession } from "../../src/adapters/vault.ts";
import type { VaultAuth } from "../../src/adapters/vault_login.ts";
import {
  ConnectorError,
  describeError,
  RefusedError,
  StalledError,
  TransientError,
} from "../../src/errors.ts";
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import { serveTls } from "../../src/embedded/serve.ts";
import { fetchIdentityKeys } from "../../src/embedded/control_plane/registrar.ts";
import {
  type EmbeddedVault,
  startVault,
  type VaultStartOptions,
} from "../../src/embedded/vault.ts";
import { SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { createStateDir } from "../fakes/control_plane_fixture.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const SIGNAL = new AbortController().signal;

async function withVault(
  run: (parts: {
    clock: FakeClock;
    pki: Pki;
    vault: EmbeddedVault;
    dir: string;
    mask: SecretMask;
    open: (auth: VaultAuth, changes?: { address?: string; caPem?: string }) => VaultSession;
  }) => Promise<void>,
  options: Partial<VaultStartOptions> = {},
) {
  const clock = new FakeClock();
  const pki = await createPki();
  const vault = await startVault({ pki, clock, ...options });
  await using state = await createStateDir();
  const mask = new SecretMask();
  const sessions: VaultSession[] = [];
  const open = (auth: VaultAuth, changes: { address?: string; caPem?: string } = {}) => {
    const session = new VaultSession(
      systemRuntime(clock),
      {
        address: vault.url,
        caPem: pki.caPem,
        identityRole: "neuralops-connector",
        timeoutMs: 5000,
        auth,
        ...changes,
      },
      mask,
      createMetrics(),
    );
    sessions.push(session);
    return session;
  };
  try {
    await run({ clock, pki, vault, dir: state.path, mask, open });
  } finally {
    for (const session of sessions) session.close();
    await vault.close();
  }
}

async function assertIdentity(
  session: VaultSession,
  vault: EmbeddedVault,
  pki: Pki,
  nowMs: number,
) {
  const keys = createLocalJWKSet(await fetchIdentityKeys(vault.issuer, pki.caPem));
  const { payload } = await jwtVerify(await session.identityToken(SIGNAL), keys, {
    issuer: vault.issuer,
    audience: vault.identityAudience,
    currentDate: new Date(nowMs),
  });
  assert.equal(payload.sub, "5f3c1f0e-connector");
}

function countLogins(vault: EmbeddedVault): number {
  return vault.requests.filter(({ path }) => path.endsWith("/login")).length;
}

Deno.test("VaultSession gets a verifiable identity token with a token file", () =>
  withVault(async ({ clock, pki, vault, dir, open }) => {
    await Deno.writeTextFile(`${dir}/token`, `${vault.createToken()}\n`);
    const session = open({ method: "token", tokenFile: `${dir}/token` });
    await assertIdentity(session, vault, pki, clock.now());
  }));

Deno.test("VaultSession gets a verifiable identity token with the value of VAULT_TOKEN", () =>
  withVault(async ({ clock, pki, vault, open }) => {
    const session = open({ method: "token", token: vault.createToken() });
    await assertIdentity(session, vault, pki, clock.now());
  }));

Deno.test("VaultSession logs in with a Kubernetes service account, read anew each time", () =>
  withVault(async ({ clock, pki, vault, dir, open }) => {
    vault.allowServiceAccount("connector", "first.service.jwt");
    vault.allowServiceAccount("connector", "second.service.jwt");
    await Deno.writeTextFile(`${dir}/jwt`, "first.service.jwt");
    const auth = {
      method: "kubernetes",
      role: "connector",
      mount: "kubernetes",
      tokenFile: `${dir}/jwt`,
    } as const;
    const session = open(auth);
    await assertIdentity(session, vault, pki, clock.now());
    await Deno.writeTextFile(`${dir}/jwt`, "revoked.service.jwt");
    vault.revokeAllTokens();
    await assert.rejects(
      session.identityToken(SIGNAL),
      (error: StalledError) => error.code === "vault_denied",
    );
    await Deno.writeTextFile(`${dir}/jwt`, "second.service.jwt");
    await assertIdentity(session, vault, pki, clock.now());
  }));

Deno.test("VaultSession logs in with AppRole", () =>
  withVault(async ({ clock, pki, vault, dir, open }) => {
    vault.allowAppRole("role-1", "secret-id-1234");
    await Deno.writeTextFile(`${dir}/secret`, "secret-id-1234\n");
    const auth = {
      method: "appRole",
      roleId: "role-1",
      secretIdFile: `${dir}/secret`,
      mount: "approle",
    } as const;
    await assertIdentity(open(auth), vault, pki, clock.now());
    await Deno.writeTextFile(`${dir}/secret`, "wrong-secret-id");
    await assert.rejects(open(auth).login(SIGNAL), (error: StalledError) => {
      assert.equal(error.code, "vault_denied");
      assert.match(error.message, /invalid role or secret ID/);
      return true;
    });
  }));

Deno.test("VaultSession renews before its token ends, and stays logged in for many lifetimes", () =>
  withVault(async ({ clock, vault, dir, open }) => {
    vault.allowServiceAccount("connector", "service.account.jwt");
    await Deno.writeTextFile(`${dir}/jwt`, "service.account.jwt");
    const session = open({
      method: "kubernetes",
      role: "connector",
      mount: "kubernetes",
      tokenFile: `${dir}/jwt`,
    });
    for (let round = 0; round < 10; round += 1) {
      const delayMs = await session.renew(SIGNAL);
      assert.ok(delayMs >= 36_000 && delayMs < 42_000, `waits ${delayMs} ms of 60 s`);
      clock.advance(delayMs);
    }
    await session.identityToken(SIGNAL);
    assert.equal(countLogins(vault), 1);
    assert.equal(
      vault.requests.filter(({ path }) => path.endsWith("/renew-self")).length,
      9,
    );
  }, { grant: { ttlSeconds: 60, maxTtlSeconds: 0 } }));

Deno.test("VaultSession logs in anew as its token nears the longest life that Vault allows", () =>
  withVault(async ({ clock, vault, dir, open }) => {
    vault.allowServiceAccount("connector", "service.account.jwt");
    await Deno.writeTextFile(`${dir}/jwt`, "service.account.jwt");
    const session = open({
      method: "kubernetes",
      role: "connector",
      mount: "kubernetes",
      tokenFile: `${dir}/jwt`,
    });
    for (let round = 0; round < 12; round += 1) clock.advance(await session.renew(SIGNAL));
    await session.identityToken(SIGNAL);
    assert.ok(countLogins(vault) >= 3, `${countLogins(vault)} logins`);
    assert.equal(vault.requests.filter(({ path }) => path.includes("lookup")).length, 0);
  }, { grant: { ttlSeconds: 60, maxTtlSeconds: 120 } }));

Deno.test("VaultSession logs in anew with an expired or unrenewable token", () =>
  withVault(async ({ clock, vault, dir, open }) => {
    vault.allowServiceAccount("connector", "service.account.jwt");
    await Deno.writeTextFile(`${dir}/jwt`, "service.account.jwt");
    const session = open({
      method: "kubernetes",
      role: "connector",
      mount: "kubernetes",
      tokenFile: `${dir}/jwt`,
    });
    await session.login(SIGNAL);
    clock.advance(61_000);
    await session.identityToken(SIGNAL);
    assert.equal(countLogins(vault), 2);
    await session.renew(SIGNAL);
    assert.equal(countLogins(vault), 3);
  }, { grant: { ttlSeconds: 60, renewable: false } }));

Deno.test("VaultSession picks up a rotated token file", () =>
  withVault(async ({ vault, dir, open }) => {
    await Deno.writeTextFile(`${dir}/token`, vault.createToken());
    const session = open({ method: "token", tokenFile: `${dir}/token` });
    await session.renew(SIGNAL);
    const rotated = vault.createToken();
    await Deno.writeTextFile(`${dir}/token`, rotated);
    await session.renew(SIGNAL);
    assert.equal(vault.requests.at(-1)!.token, rotated);
  }));

Deno.test("VaultSession shares one login between callers at the same time", () =>
  withVault(async ({ vault, dir, open }) => {
    vault.allowAppRole("role-1", "secret-id-1234");
    await Deno.writeTextFile(`${dir}/secret`, "secret-id-1234");
    const session = open({
      method: "appRole",
      roleId: "role-1",
      secretIdFile: `${dir}/secret`,
      mount: "approle",
    });
    await Promise.all(Array.from({ length: 5 }, () => session.identityToken(SIGNAL)));
    assert.equal(countLogins(vault), 1);
  }));

Deno.test("VaultSession reads KV v2 and masks what it read", () =>
  withVault(async ({ vault, mask, open }) => {
    vault.writeSecret("secret/data/neuralops/s3", { secretAccessKey: "planted-s3-secret" });
    const session = open({ method: "token", token: vault.createToken() });
    assert.deepEqual(await session.readKv2("secret/data/neuralops/s3", SIGNAL), {
      secretAccessKey: "planted-s3-secret",
    });
    assert.equal(mask.apply("key=planted-s3-secret"), "key=[masked]");
    await assert.rejects(
      session.readKv2("secret/data/neuralops/absent", SIGNAL),
      (error: StalledError) => error.code === "config_invalid",
    );
  }));

Deno.test("VaultSession tells a sealed Vault from a denied one", () =>
  withVault(async ({ vault, open }) => {
    const session = open({ method: "token", token: vault.createToken() });
    vault.seal(true);
    assert.equal((await session.health(SIGNAL)).sealed, true);
    await assert.rejects(session.login(SIGNAL), TransientError);
    vault.seal(false);
    assert.equal((await session.health(SIGNAL)).sealed, false);
    await session.login(SIGNAL);
    vault.revokeAllTokens();
    await assert.rejects(
      session.login(SIGNAL),
      (error: StalledError) => error.code === "vault_denied" && error.hint !== undefined,
    );
  }));

for (const status of [301, 302, 307, 308]) {
  Deno.test(`VaultSession refuses a ${status} and takes its token nowhere else`, () =>
    withVault(async ({ pki, vault, open }) => {
      const elsewhere: Headers[] = [];
      const thief = await serveTls(pki, "thief", (request) => {
        elsewhere.push(request.headers);
        return Response.json({ data: { ttl: 60, renewable: true } });
      });
      const redirecting = await serveTls(
        pki,
        "redirecting",
        (request) =>
          new Response(null, {
            status,
            headers: { location: `${thief.url}${new URL(request.url).pathname}` },
          }),
      );
      const session = open(
        { method: "token", token: vault.createToken() },
        { address: redirecting.url },
      );
      await assert.rejects(
        session.login(SIGNAL),
        (error: RefusedError) => error.code === "peer_not_allowed",
      );
      assert.equal(elsewhere.length, 0);
      await redirecting.close();
      await thief.close();
    }));
}

Deno.test("VaultSession does not talk to a server of another CA", () =>
  withVault(async ({ vault, open }) => {
    const otherCa = await createPki("another CA");
    const auth = { method: "token", token: vault.createToken() } as const;
    await assert.rejects(
      open(auth, { caPem: otherCa.caPem }).login(SIGNAL),
      (error: StalledError) => error.code === "tls_untrusted",
    );
    assert.equal(vault.requests.length, 0);
  }));

Deno.test("VaultSession bounds what Vault answers", () =>
  withVault(async ({ pki, vault, open }) => {
    const flooding = await serveTls(pki, "flooding", () => new Response("x".repeat(2_000_000)));
    const session = open({ method: "token", token: vault.createToken() }, {
      address: flooding.url,
    });
    await assert.rejects(
      session.login(SIGNAL),
      (error: ConnectorError) => error.code === "too_large",
    );
    await flooding.close();
  }));

Deno.test("VaultSession names a missing credential by its setting", () =>
  withVault(async ({ dir, open }) => {
    await assert.rejects(
      open({ method: "token", tokenFile: `${dir}/absent` }).login(SIGNAL),
      (error: StalledError) =>
        error.code === "config_invalid" && error.hint!.includes("vault.auth.tokenFile"),
    );
    await assert.rejects(
      open({ method: "token" }).login(SIGNAL),
      (error: StalledError) => error.hint!.includes("VAULT_TOKEN"),
    );
  }));

Deno.test("VaultSession's errors hold no credential, even when the peer echoes it", () =>
  withVault(async ({ pki, vault, dir, open }) => {
    const planted = "planted-secret-id-42";
    await Deno.writeTextFile(`${dir}/secret`, planted);
    const echoing = await serveTls(
      pki,
      "echoing",
      async (request) =>
        Response.json({ errors: [`bad secret ${await request.text()}`] }, { status: 403 }),
    );
    const auth = {
      method: "appRole",
      roleId: "role-1",
      secretIdFile: `${dir}/secret`,
      mount: "approle",
    } as const;
    for (const address of [echoing.url, vault.url]) {
      await assert.rejects(open(auth, { address }).login(SIGNAL), (error: Error) => {
        assert.ok(!`${describeError(error)} ${Deno.inspect(error)}`.includes(planted));
        return true;
      });
    }
    await echoing.close();
  }));

Deno.test("VaultSession lets one caller give up without taking the login from another", () =>
  withVault(async ({ vault, open }) => {
    const session = open({ method: "token", token: vault.createToken() });
    const abort = new AbortController();
    const givenUp = session.login(abort.signal);
    const other = session.login(SIGNAL);
    abort.abort(new Error("stopped"));
    await assert.rejects(givenUp, /stopped/);
    await other;
    assert.equal(vault.requests.length, 1);
  }));
