import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { exportJWK, exportSPKI, generateKeyPair, UnsecuredJWT } from "jose";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { ClusterIdentity } from "../../src/core/session.ts";
import { RefusedError } from "../../src/errors.ts";
import { checkOrchestrator } from "../../src/http/orchestrator_auth.ts";
import { problemResponse } from "../../src/http/problem.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { IDENTITY, orchestratorKey, tokenAt, type TokenParts } from "../fakes/listener_fixture.ts";

const clock = new FakeClock();
const now = Math.floor(clock.now() / 1000);
const foreign = await generateKeyPair("ES256");

function check(authorization: string | null, identity: ClusterIdentity | null = IDENTITY) {
  const headers = authorization === null ? {} : { authorization };
  return checkOrchestrator(new Request("https://c/execute", { headers }), identity, clock);
}

async function refusal(token: string): Promise<string> {
  try {
    await check(`Bearer ${token}`);
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error));
    assert.equal(error.code, "unauthenticated");
    assert.ok(!error.message.includes(token), "a token is not repeated");
    return error.message;
  }
  throw new assert.AssertionError({ message: "was let in" });
}

Deno.test("checkOrchestrator lets a good token in, whatever the case of its scheme", async () => {
  const token = await tokenAt(clock.now());
  await check(`Bearer ${token}`);
  await check(`bearer  ${token}`);
});

const ACCEPTED: Record<string, TokenParts> = {
  "made this second": { claims: { iat: now, exp: now + 300 } },
  "made by a clock that is 20 s fast": { claims: { iat: now + 20, exp: now + 200 } },
  "that expired within the tolerance": { claims: { iat: now - 200, exp: now - 20 } },
  "for several audiences": { claims: { aud: ["other", "c-test"] } },
};

for (const [what, parts] of Object.entries(ACCEPTED)) {
  Deno.test(`checkOrchestrator lets in a token ${what}`, async () => {
    await check(`Bearer ${await tokenAt(clock.now(), parts)}`);
  });
}

const REFUSED: Record<string, [TokenParts, RegExp]> = {
  "for another audience": [{ claims: { aud: "c-other" } }, /"aud"/],
  "for no audience": [{ claims: { aud: undefined } }, /"aud"/],
  "of another issuer": [{ claims: { iss: "https://evil.example" } }, /"iss"/],
  "of no issuer": [{ claims: { iss: undefined } }, /"iss"/],
  "that has expired": [{ claims: { iat: now - 200, exp: now - 31 } }, /"exp"/],
  "without an end": [{ claims: { exp: undefined } }, /"exp"/],
  "without a beginning": [{ claims: { iat: undefined } }, /"iat"/],
  "older than five minutes": [{ claims: { iat: now - 340, exp: now - 20 } }, /"iat".*too far in/],
  "of the future": [{ claims: { iat: now + 60, exp: now + 200 } }, /"iat"/],
  "not valid yet": [{ claims: { nbf: now + 60 } }, /"nbf"/],
  "that lives too long": [{ claims: { iat: now, exp: now + 301 } }, /lives 301 s, at most 300/],
  "of a foreign key under a known name": [{ key: foreign.privateKey }, /signature/],
  "of a foreign key under its own name": [{ key: foreign.privateKey, kid: "x" }, /no applicable/],
};

for (const [what, [parts, message]] of Object.entries(REFUSED)) {
  Deno.test(`checkOrchestrator refuses a token ${what}`, async () => {
    assert.match(await refusal(await tokenAt(clock.now(), parts)), message);
  });
}

Deno.test("checkOrchestrator trusts no key of an earlier registration", async () => {
  const token = `Bearer ${await tokenAt(clock.now())}`;
  await check(token);
  const jwks = { keys: [{ ...await exportJWK(foreign.publicKey), kid: "new", alg: "ES256" }] };
  const renewed = { ...IDENTITY, orchestrator: { ...IDENTITY.orchestrator, jwks } };
  await assert.rejects(check(token, renewed), /no applicable key/);
  await check(token);
});

Deno.test("checkOrchestrator refuses a token without a signature (alg none)", async () => {
  const claims = { iss: IDENTITY.orchestrator.issuer, aud: IDENTITY.clusterId };
  const unsecured = new UnsecuredJWT(claims).setIssuedAt(now).setExpirationTime(now + 60).encode();
  await refusal(unsecured);
  const [, payload, signature] = (await tokenAt(clock.now())).split(".");
  for (const alg of ["none", "None", "ES256"]) {
    const header = Buffer.from(JSON.stringify({ alg, kid: "o-1" })).toString("base64url");
    await refusal(`${header}.${payload}.`);
    if (alg !== "ES256") await refusal(`${header}.${payload}.${signature}`);
  }
});

Deno.test("checkOrchestrator refuses a token signed with the public key as a shared secret", async () => {
  const publicJwk = await exportJWK(orchestratorKey.publicKey);
  const guesses = [
    await exportSPKI(orchestratorKey.publicKey),
    JSON.stringify(publicJwk),
    publicJwk.x!,
  ];
  for (const guess of guesses) {
    const parts = { alg: "HS256", key: encodeUtf8(guess.padEnd(32)) };
    assert.match(await refusal(await tokenAt(clock.now(), parts)), /"alg"/);
  }
});

Deno.test("checkOrchestrator takes no shared secret even where the control plane offers one", async () => {
  const secret = encodeUtf8("x".repeat(32));
  const k = Buffer.from(secret).toString("base64url");
  const keys = [{ kty: "oct", k, alg: "HS256", kid: "o-1" }];
  const identity = { ...IDENTITY, orchestrator: { ...IDENTITY.orchestrator, jwks: { keys } } };
  const token = await tokenAt(clock.now(), { alg: "HS256", key: secret });
  await assert.rejects(check(`Bearer ${token}`, identity), { code: "unauthenticated" });
});

for (const alg of ["RS256", "PS256", "ES384", "ES512"]) {
  Deno.test(`checkOrchestrator refuses ${alg}, which is not on the list`, async () => {
    const other = await generateKeyPair(alg);
    const keys = [{ ...await exportJWK(other.publicKey), kid: "o-1" }];
    const identity = { ...IDENTITY, orchestrator: { ...IDENTITY.orchestrator, jwks: { keys } } };
    const token = await tokenAt(clock.now(), { alg, key: other.privateKey });
    await assert.rejects(check(`Bearer ${token}`, identity), { code: "unauthenticated" });
  });
}

Deno.test("checkOrchestrator takes EdDSA", async () => {
  const ed25519 = await generateKeyPair("EdDSA");
  const keys = [{ ...await exportJWK(ed25519.publicKey), kid: "o-1" }];
  const identity = { ...IDENTITY, orchestrator: { ...IDENTITY.orchestrator, jwks: { keys } } };
  const token = await tokenAt(clock.now(), { alg: "EdDSA", key: ed25519.privateKey });
  await check(`Bearer ${token}`, identity);
});

Deno.test("checkOrchestrator says unavailable before the first registration", async () => {
  await assert.rejects(check(`Bearer ${await tokenAt(clock.now())}`, null), {
    code: "unavailable",
  });
});

Deno.test("any garbage for a token is answered 401, and nothing else", async () => {
  const [header, payload, signature] = (await tokenAt(clock.now())).split(".") as [
    string,
    string,
    string,
  ];
  const printable = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.=+/ ,") });
  const garbage = fc.oneof(
    fc.constant(null),
    printable,
    token.map((text) => `Bearer ${text}`),
    fc.tuple(token, token, token).map((parts) => `Bearer ${parts.join(".")}`),
    fc.tuple(fc.constantFrom(header, "e30", ""), token).map(([first, middle]) =>
      `Bearer ${first}.${middle}.${signature}`
    ),
    fc.jsonValue().map((value) => {
      const odd = Buffer.from(JSON.stringify(value)).toString("base64url");
      return `Bearer ${odd}.${payload}.${signature}`;
    }),
    fc.nat(payload.length - 1).map((index) => {
      const changed = payload[index] === "A" ? "B" : "A";
      return `Bearer ${header}.${payload.slice(0, index)}${changed}${
        payload.slice(index + 1)
      }.${signature}`;
    }),
  );
  await fc.assert(
    fc.asyncProperty(garbage, async (authorization) => {
      const error = await check(authorization).then(
        () => assert.fail("was let in"),
        (error: unknown) => error,
      );
      assert.equal(problemResponse(error).status, 401, String(error));
    }),
    { numRuns: 1000 },
  );
});
