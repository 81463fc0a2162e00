/**
 * What a trusted root's certificates say of each other never changes, and the library asks it anew with
 * every bundle: verdicts between them are kept. Certificates from bundles are always looked at.
 */
import type { X509Certificate } from "@sigstore/core";
import type { TrustMaterial } from "@sigstore/verify";

export function rememberChains(material: TrustMaterial): void {
  const { certificateAuthorities, timestampAuthorities } = material;
  const trusted = new Set(
    [...certificateAuthorities, ...timestampAuthorities].flatMap(({ certChain }) => certChain),
  );
  for (const certificate of trusted) rememberIssuers(certificate, trusted);
}

function rememberIssuers(
  certificate: X509Certificate,
  trusted: ReadonlySet<X509Certificate>,
): void {
  const verify = certificate.verify.bind(certificate);
  const verdicts = new Map<X509Certificate, boolean>();
  certificate.verify = (issuer = certificate) => {
    if (!trusted.has(issuer)) return verify(issuer);
    const verdict = verdicts.get(issuer) ?? verify(issuer);
    verdicts.set(issuer, verdict);
    return verdict;
  };
}
