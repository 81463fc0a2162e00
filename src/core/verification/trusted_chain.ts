/**
 * What a certificate's bytes are, and what a trusted root's certificates say of each other, never changes,
 * and the library asks for it again and again: both are kept. Whether a trusted certificate issued one
 * from a bundle is looked at each time.
 */
import type { X509Certificate } from "@sigstore/core";
import type { TrustMaterial } from "@sigstore/verify";

export function rememberChains(material: TrustMaterial): void {
  const { certificateAuthorities, timestampAuthorities } = material;
  const trusted = new Set(
    [...certificateAuthorities, ...timestampAuthorities].flatMap(({ certChain }) => certChain),
  );
  for (const certificate of trusted) {
    rememberEncoding(certificate);
    rememberIssuers(certificate, trusted);
  }
}

/** Comparing two certificates encodes both anew, which costs the library as much as its signatures. */
export function rememberEncoding(certificate: X509Certificate): void {
  const der = certificate.root.toDER();
  certificate.root.toDER = () => der;
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
