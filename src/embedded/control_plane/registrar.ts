/** POST /register: who is this, does Vault say so, and does it hold the key that it names. */
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  importJWK,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from "jose";
import { chainIdOf } from "../../core/audit/chain.ts";
import { decodeBase64Url, encodeBase64Url, sha256, sha256Hex } from "../../core/encoding.ts";
import { RegisterRequest } from "../../core/protocol.ts";
import { PROOF_TYPE } from "../../core/register_request.ts";
import type { Clock } from "../../runtime.ts";
import { parseOrRefuse, Refusal } from "./problem.ts";

export interface IdentityTrust {
  /** `iss` that identity tokens must carry. */
  readonly issuer: string;
  /** `aud` that they must carry. */
  readonly audience: string;
  /** Vault's OIDC keys, asked for at every registration. */
  readonly keys: () => Promise<JSONWebKeySet>;
}

export interface StoredRegistration {
  readonly clusterId: string;
  /** `sub` of the identity token: Vault's entity. */
  readonly entity: string;
  readonly keyId: string;
  readonly request: RegisterRequest;
  readonly atMs: number;
}

const CLOCK_TOLERANCE_SECONDS = 30;
const MAX_PROOF_AGE_SECONDS = 300;

export class Registrar {
  readonly registrations: StoredRegistration[] = [];
  /** Of nodes; none of them changes what stands for the cluster, nor who may sign for it. */
  readonly collectors: StoredRegistration[] = [];
  readonly #seenProofs = new Set<string>();
  readonly #keys = new Map<string, RegisterRequest["publicKey"]>();

  constructor(
    private readonly clock: Pick<Clock, "now">,
    private readonly trust: IdentityTrust,
    private readonly audience: () => string,
  ) {}

  async register(body: unknown): Promise<StoredRegistration> {
    const request = parseOrRefuse(RegisterRequest, body);
    const { sub } = await this.#verifyIdentity(request.identityToken);
    const keyId = await this.#verifyProof(request);
    // The same cluster gets the same id again, whichever of its pods asks.
    const clusterId = `c-${sha256Hex(request.cluster.uid).slice(0, 16)}`;
    const registration = { clusterId, entity: sub!, keyId, request, atMs: this.clock.now() };
    if (request.collector) {
      this.collectors.push(registration);
      return registration;
    }
    this.registrations.push(registration);
    this.#keys.set(`${clusterId} ${keyId}`, request.publicKey);
    return registration;
  }

  /** The key that a cluster's connector registered under this id. */
  publicKey(clusterId: string, keyId: string): RegisterRequest["publicKey"] | null {
    return this.#keys.get(`${clusterId} ${keyId}`) ?? null;
  }

  /** The raw key of that connector of the cluster whose audit chain this is. */
  chainKey(clusterId: string, chainId: string): Uint8Array | null {
    for (const registration of this.registrations) {
      if (registration.clusterId !== clusterId) continue;
      const key = decodeBase64Url(registration.request.publicKey.x);
      if (chainIdOf(key) === chainId) return key;
    }
    return null;
  }

  async #verifyIdentity(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(await this.trust.keys()), {
        algorithms: ["ES256", "RS256"],
        issuer: this.trust.issuer,
        audience: this.trust.audience,
        currentDate: new Date(this.clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["exp", "sub"],
      });
      return payload;
    } catch (error) {
      throw new Refusal(401, "identity_rejected", `identity token: ${(error as Error).message}`);
    }
  }

  async #verifyProof(request: RegisterRequest): Promise<string> {
    const { identityToken, proof, publicKey, collector } = request;
    const keyId = await calculateJwkThumbprint({
      kty: publicKey.kty,
      crv: publicKey.crv,
      x: publicKey.x,
    });
    const payload = await this.#checkProof(proof, publicKey);
    if (publicKey.kid !== undefined && publicKey.kid !== keyId) {
      throw new Refusal(401, "identity_rejected", "publicKey.kid is not the key's thumbprint");
    }
    if (payload["ath"] !== encodeBase64Url(sha256(identityToken))) {
      throw new Refusal(401, "identity_rejected", "the proof is for another identity token");
    }
    if (payload["node"] !== collector?.node) {
      throw new Refusal(401, "identity_rejected", "the proof is for another node, or for none");
    }
    if (this.#seenProofs.has(payload.jti!)) {
      throw new Refusal(401, "identity_rejected", "the proof was used before");
    }
    this.#seenProofs.add(payload.jti!);
    return keyId;
  }

  async #checkProof(proof: string, publicKey: RegisterRequest["publicKey"]): Promise<JWTPayload> {
    try {
      const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: publicKey.x }, "EdDSA");
      const { payload } = await jwtVerify(proof, key, {
        algorithms: ["EdDSA"],
        typ: PROOF_TYPE,
        audience: this.audience(),
        currentDate: new Date(this.clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        maxTokenAge: MAX_PROOF_AGE_SECONDS,
        requiredClaims: ["exp", "jti", "ath"],
      });
      return payload;
    } catch (error) {
      throw new Refusal(401, "identity_rejected", `proof: ${(error as Error).message}`);
    }
  }
}

/** Reads Vault's OIDC keys over TLS; without a CA, the system's roots decide. */
export async function fetchIdentityKeys(issuer: string, caPem?: string): Promise<JSONWebKeySet> {
  const client = Deno.createHttpClient(caPem === undefined ? {} : { caCerts: [caPem] });
  try {
    const response = await fetch(`${issuer}/.well-known/keys`, { client, redirect: "error" });
    return await response.json();
  } finally {
    client.close();
  }
}
