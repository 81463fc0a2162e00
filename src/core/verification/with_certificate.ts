/** Bundles made keyless: with a short-lived certificate that an authority issued to an identity. */
import type { Bundle } from "@sigstore/bundle";
import { crypto, type X509Certificate } from "@sigstore/core";
import type { Signer } from "@sigstore/verify";
import type { RefusedError } from "../../errors.ts";
import { findUnfitness, namesIdentity, namesIssuer } from "./certificate.ts";
import { findWeakness } from "./public_key.ts";
import { pickRefusal } from "./pick_refusal.ts";
import { refuse, toRefusal } from "./refusal.ts";
import type { TrustedAuthority, TrustedIdentity } from "./trust.ts";
import { rememberEncoding } from "./trusted_chain.ts";
import { type Case, conclude, readSigningTimes, type Verified } from "./verdict.ts";

const MAX_QUOTED_LENGTH = 500;

/** Throws RefusedError. */
export function verifyWithAuthorities(
  authorities: readonly TrustedAuthority[],
  subject: Case,
): Verified {
  if (authorities.length === 0) {
    const what = "the bundle was made with a certificate, and no keyless identity is trusted";
    throw refuse("unknown_signer", "signer", null, what);
  }
  const certificate = readCertificate(subject);
  rememberEncoding(certificate);
  // The library looks at the log first; a changed artifact should be named as that.
  if (!subject.content.verifySignature(crypto.createPublicKey(certificate.publicKey))) {
    const what = "it does not match these bytes and the bundle's own certificate";
    throw refuse("bad_signature", "signature", authorities.map(readNames).join('", "'), what);
  }
  const refusals: RefusedError[] = [];
  for (const authority of authorities) {
    try {
      return verifyWithAuthority(authority, subject);
    } catch (error) {
      const refusal = toRefusal(error, readNames(authority));
      refusals.push(
        refusal.code === "untrusted_certificate" && wasIssuedForAnotherTime(authority, subject)
          ? refuse(
            "expired",
            "certificate",
            readNames(authority),
            "it was not valid when it was used",
            { cause: refusal },
          )
          : refusal,
      );
    }
  }
  throw pickRefusal(refusals);
}

function verifyWithAuthority(authority: TrustedAuthority, subject: Case): Verified {
  const { bundle, entity } = subject;
  const signer = authority.verifier.verify(entity);
  const unfitness = findUnfitness(readCertificate(subject)) ?? findWeakness(signer.key);
  if (unfitness !== null) {
    const what = `the certificate or its key ${unfitness}`;
    throw refuse("untrusted_certificate", "certificate", readNames(authority), what);
  }
  const trusted = findIdentity(authority, signer);
  return conclude(subject, {
    signer: trusted.name,
    identity: trusted.identity,
    verifierDer: readLeaf(bundle),
    entity,
    logs: authority.material.tlogs,
  });
}

function findIdentity(
  authority: TrustedAuthority,
  { identity = {} }: Signer,
): TrustedIdentity {
  const trusted = authority.identities.find((candidate) =>
    namesIdentity(identity, candidate.identity) && namesIssuer(identity, candidate.issuer)
  );
  if (trusted) return trusted;
  const found = quote(identity.subjectAlternativeName ?? "(no name)");
  const issuer = quote(identity.extensions?.issuer ?? "(no issuer)");
  const what = `the certificate names ${found}, vouched for by ${issuer}`;
  throw refuse("wrong_identity", "identity", readNames(authority), what);
}

/** Tells an expired certificate from a foreign one: the authority did issue it, for another time. */
function wasIssuedForAnotherTime({ material }: TrustedAuthority, subject: Case): boolean {
  const certificate = readCertificate(subject);
  return readSigningTimes(subject.entity).some((time) =>
    !certificate.validForDate(new Date(time))
  ) &&
    material.certificateAuthorities.some(({ certChain }) =>
      certChain.some((issuer) => certificate.verify(issuer))
    );
}

function readCertificate({ entity }: Case): X509Certificate {
  if (entity.key.$case !== "certificate") throw new Error("the bundle holds no certificate");
  return entity.key.certificate;
}

function readLeaf({ verificationMaterial: { content } }: Bundle): Uint8Array {
  switch (content.$case) {
    case "certificate":
      return content.certificate.rawBytes;
    case "x509CertificateChain":
      return content.x509CertificateChain.certificates[0]!.rawBytes;
    case "publicKey":
      throw new Error("the bundle holds no certificate");
  }
}

function readNames({ identities }: TrustedAuthority): string {
  return identities.map(({ name }) => name).join('", "');
}

/** Text from a stranger's certificate, safe to print. */
function quote(text: string): string {
  return JSON.stringify(text).slice(0, MAX_QUOTED_LENGTH);
}
