/** The embedded control plane's signing keys: access tokens for connectors, tokens of the Orchestrator. */
import {
  exportJWK,
  generateKeyPair,
  type GenerateKeyPairResult,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import type { Clock } from "../../runtime.ts";
import { Refusal } from "./problem.ts";

const ALGORITHM = "ES256";

export interface SigningKey {
  readonly privateKey: GenerateKeyPairResult["privateKey"];
  readonly publicKey: GenerateKeyPairResult["publicKey"];
  readonly jwk: JWK;
}

export async function createSigningKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
  const jwk = { ...await exportJWK(publicKey), kid, use: "sig", alg: ALGORITHM };
  return { privateKey, publicKey, jwk };
}

export interface TokenClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  readonly lifetimeSeconds: number;
  /** Private claims. */
  readonly more?: Record<string, string>;
}

export async function signToken(
  key: SigningKey,
  claims: TokenClaims,
  nowMs: number,
): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  return await new SignJWT({ ...claims.more })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: key.jwk.kid! })
    .setIssuer(claims.issuer)
    .setSubject(claims.subject)
    .setAudience(claims.audience)
    .setIssuedAt(iat)
    .setExpirationTime(iat + claims.lifetimeSeconds)
    .setJti(crypto.randomUUID())
    .sign(key.privateKey);
}

export interface Access {
  readonly clusterId: string;
  /** Of the access token: one per registration. */
  readonly registrationId: string;
  /** Of a collector: the one node that it may speak of. null for who stands for the cluster. */
  readonly node: string | null;
}

export class AccessTokens {
  #key: SigningKey;

  private constructor(
    key: SigningKey,
    private readonly clock: Pick<Clock, "now">,
    private readonly audience: () => string,
  ) {
    this.#key = key;
  }

  static async create(clock: Pick<Clock, "now">, audience: () => string): Promise<AccessTokens> {
    return new AccessTokens(await createSigningKey("access-1"), clock, audience);
  }

  issue(clusterId: string, lifetimeSeconds: number, node: string | null): Promise<string> {
    const url = this.audience();
    const more = node === null ? {} : { node };
    const claims = { issuer: url, audience: url, subject: clusterId, lifetimeSeconds, more };
    return signToken(this.#key, claims, this.clock.now());
  }

  /** Every token issued so far stops working, as when the control plane has lost its keys. */
  async revokeAll(): Promise<void> {
    this.#key = await createSigningKey("access-1");
  }

  async check(authorization: string | undefined): Promise<Access> {
    const token = /^Bearer ([\w.-]+)$/.exec(authorization ?? "")?.[1];
    if (!token) throw new Refusal(401, "unauthenticated", "no bearer token");
    try {
      const { payload } = await jwtVerify(token, this.#key.publicKey, {
        algorithms: [ALGORITHM],
        issuer: this.audience(),
        audience: this.audience(),
        currentDate: new Date(this.clock.now()),
        requiredClaims: ["exp", "sub", "jti"],
      });
      const node = typeof payload["node"] === "string" ? payload["node"] : null;
      return { clusterId: payload.sub!, registrationId: payload.jti!, node };
    } catch {
      throw new Refusal(401, "unauthenticated", "the access token is not valid, or no longer");
    }
  }
}
