/** The last checks, which keys and certificates share, and the result that they lead to. */
import type { Bundle } from "@sigstore/bundle";
import type { SignedEntity, TrustMaterial } from "@sigstore/verify";
import type { Artifact } from "./artifact.ts";
import type { SignedContent } from "./content.ts";
import { findEntryFault, findKeyFault } from "./log_entry.ts";
import { refuse } from "./refusal.ts";
import { findStatementFault } from "./statement.ts";

export interface Verified {
  /** The configured signer's name. */
  readonly signer: string;
  /** The certificate's subject alternative name, or `sha256:<hex>` of the public key. */
  readonly identity: string;
  /** `sha256:<hex>` of the artifact. */
  readonly digest: string;
  /** The bundle's. */
  readonly mediaType: string;
  /** Whether a transparency log entry was verified. */
  readonly logged: boolean;
  /** When it was signed, as a log or timestamp authority vouches; null without such a witness. */
  readonly signedAtMs: number | null;
}

/** A bundle under scrutiny, parsed and nothing more. */
export interface Case {
  readonly artifact: Artifact;
  readonly artifactHex: string;
  readonly bundle: Bundle;
  readonly content: SignedContent;
  readonly entity: SignedEntity;
}

export interface Witnessed {
  readonly signer: string;
  readonly identity: string;
  /** The signing certificate, or the key's SubjectPublicKeyInfo: what log entries must name. */
  readonly verifierDer: Uint8Array;
  /** The evidence that the library verified; what it was not given counts for nothing. */
  readonly entity: SignedEntity;
  /** What its entries were verified with. */
  readonly logs: TrustMaterial["tlogs"];
}

/** Call it after signature, signer and log proofs were verified. Throws RefusedError. */
export function conclude(subject: Case, witnessed: Witnessed): Verified {
  const { artifact, artifactHex, bundle, content } = subject;
  const { signer, identity, verifierDer, entity, logs } = witnessed;
  const times = readSigningTimes(entity);
  for (const entry of entity.tlogEntries) {
    const fault = findEntryFault(entry, verifierDer) ?? findKeyFault(entry, logs, times);
    if (fault) throw refuse("missing_log_proof", "transparency log", signer, `an entry ${fault}`);
  }
  const fault = content.payload && findStatementFault(content.payload, artifact);
  if (fault) throw refuse("bad_signature", "statement", signer, fault);
  return {
    signer,
    identity,
    digest: `sha256:${artifactHex}`,
    mediaType: bundle.mediaType,
    logged: entity.tlogEntries.length > 0,
    signedAtMs: times.length === 0 ? null : Math.min(...times),
  };
}

/** Epoch ms. A log's promise covers its time; a bare inclusion proof does not. */
export function readSigningTimes(entity: SignedEntity): number[] {
  return entity.timestamps.flatMap((witness) => {
    if (witness.$case === "timestamp-authority") return [witness.timestamp.signingTime.getTime()];
    const { inclusionPromise, integratedTime } = witness.tlogEntry;
    return inclusionPromise ? [Number(integratedTime) * 1000] : [];
  });
}
