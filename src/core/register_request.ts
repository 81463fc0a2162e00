/** What the connector says about itself, with the proof that it holds the key that it names. */
import type { ConnectorKey } from "./connector_key.ts";
import { encodeBase64Url, sha256 } from "./encoding.ts";
import type { RegisterRequest } from "./protocol.ts";

export const PROOF_TYPE = "neuralops-pop+jwt";
const PROOF_LIFETIME_SECONDS = 120;

export interface RegisterRequestInput {
  readonly key: ConnectorKey;
  /** From Vault's identity/oidc/token/<role>. */
  readonly identityToken: string;
  readonly cluster: RegisterRequest["cluster"];
  readonly collector?: RegisterRequest["collector"];
  /** The control plane's base URL, as configured. */
  readonly audience: string;
  readonly nowMs: number;
  /** Unique per request. */
  readonly jti: string;
}

/**
 * `ath` in the proof binds it to this identity token: neither is of use without the other. `node` binds
 * it to a collector's part, so that nobody makes a cluster's registration of it.
 */
export async function buildRegisterRequest(input: RegisterRequestInput): Promise<RegisterRequest> {
  const iat = Math.floor(input.nowMs / 1000);
  const proof = await input.key.signJws(PROOF_TYPE, {
    aud: input.audience,
    iat,
    exp: iat + PROOF_LIFETIME_SECONDS,
    jti: input.jti,
    ath: encodeBase64Url(sha256(input.identityToken)),
    ...input.collector,
  });
  return {
    schema: "neuralops.io/register/v1",
    identityToken: input.identityToken,
    publicKey: input.key.jwk,
    proof,
    cluster: input.cluster,
    ...(input.collector ? { collector: input.collector } : {}),
  };
}
