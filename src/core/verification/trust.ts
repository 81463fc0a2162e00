/** Who may sign: public keys and trusted roots, parsed and checked once, at start. */
import { type TrustMaterial, Verifier } from "@sigstore/verify";
import { StalledError } from "../../errors.ts";
import { parsePublicKey, type PublicKey } from "./public_key.ts";
import { parseTrustedRoot, type RootPart } from "./trusted_root.ts";

export type TrustedSigner =
  | {
    readonly kind: "key";
    readonly name: string;
    readonly publicKeyPem: string;
    readonly transparencyLog: "required" | "optional";
    readonly trustedRootJson?: string;
  }
  | {
    readonly kind: "keyless";
    readonly name: string;
    /** The certificate's subject alternative name: exact, never a pattern. */
    readonly identity: string;
    /** The OIDC issuer: exact. */
    readonly issuer: string;
    readonly trustedRootJson: string;
  };

export interface TrustedKey {
  readonly name: string;
  readonly key: PublicKey;
  readonly material: TrustMaterial;
  readonly verifier: Verifier;
  /** Without a root nothing in the log can be believed, so log entries are left out of account. */
  readonly hasRoot: boolean;
}

export interface TrustedIdentity {
  readonly name: string;
  readonly identity: string;
  readonly issuer: string;
}

/** The keyless signers that share one trusted root: its evidence is verified once for all of them. */
export interface TrustedAuthority {
  readonly material: TrustMaterial;
  readonly verifier: Verifier;
  readonly identities: readonly TrustedIdentity[];
}

export interface TrustPolicy {
  readonly keys: readonly TrustedKey[];
  readonly authorities: readonly TrustedAuthority[];
}

/** Throws StalledError `config_invalid` that names the signer and what is wrong with it. */
export function createTrustPolicy(signers: readonly TrustedSigner[]): TrustPolicy {
  const keys: TrustedKey[] = [];
  const byRoot = new Map<string, TrustedIdentity[]>();
  for (const signer of signers) {
    if (signer.kind === "key") {
      keys.push(createTrustedKey(signer));
    } else {
      const shared = byRoot.get(signer.trustedRootJson) ?? [];
      byRoot.set(signer.trustedRootJson, [...shared, signer]);
    }
  }
  return {
    keys,
    authorities: [...byRoot].map(([json, identities]) => {
      const needed: RootPart[] = ["certificateAuthorities", "ctlogs", "tlogs"];
      const material = readRoot(json, identities[0]!.name, needed);
      const thresholds = { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 };
      return { material, identities, verifier: new Verifier(material, thresholds) };
    }),
  };
}

function createTrustedKey(signer: TrustedSigner & { kind: "key" }): TrustedKey {
  const { name, publicKeyPem, transparencyLog, trustedRootJson } = signer;
  let key: PublicKey;
  try {
    key = parsePublicKey(publicKeyPem);
  } catch (cause) {
    throw invalid(name, `its public key ${(cause as Error).message}`, cause);
  }
  if (transparencyLog === "required" && trustedRootJson === undefined) {
    throw invalid(name, "the transparency log is required, but there is no trusted root");
  }
  const known = trustedRootJson === undefined
    ? { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] }
    : readRoot(trustedRootJson, name, transparencyLog === "required" ? ["tlogs"] : []);
  // A bundle's hint is whatever its writer chose, so every bundle is tried with the configured key.
  const material = { ...known, publicKey: () => ({ publicKey: key.object, validFor: () => true }) };
  return {
    name,
    key,
    hasRoot: trustedRootJson !== undefined,
    material,
    verifier: new Verifier(material, {
      tlogThreshold: transparencyLog === "required" ? 1 : 0,
      ctlogThreshold: 0,
      timestampThreshold: 0,
    }),
  };
}

function readRoot(json: string, signer: string, needed: readonly RootPart[]): TrustMaterial {
  try {
    return parseTrustedRoot(json, needed);
  } catch (cause) {
    throw invalid(signer, `its trusted root ${(cause as Error).message}`, cause);
  }
}

function invalid(signer: string, what: string, cause?: unknown): StalledError {
  return new StalledError("config_invalid", `trusted signer "${signer}": ${what}`, {
    hint: what.includes("trusted root")
      ? "give the trusted_root.json of the Sigstore instance that its log and certificates come from"
      : "give the public key that `cosign generate-key-pair` or `cosign public-key` writes",
    cause,
  });
}
