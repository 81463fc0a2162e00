/** A whole Sigstore instance in process, without a network: signs keyless, as `cosign sign-blob` does. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { encodeBase64 } from "../core/encoding.ts";
import type { Clock } from "../runtime.ts";
import { createCertificateAuthority } from "./certificate_authority.ts";
import {
  BUNDLE_MEDIA_TYPE,
  type BundleContent,
  type BundleJson,
  signMessage,
  signStatement,
} from "./signer.ts";
import { createTransparencyLog } from "./transparency_log.ts";

export interface KeylessSigner {
  /** Becomes the certificate's subject alternative name: a URI, or an e-mail address. */
  readonly identity: string;
  /** The OIDC issuer. */
  readonly issuer: string;
}

export interface KeylessOptions {
  /** Default: the clock's now. Elsewhere it makes a certificate that was not valid at signing. */
  readonly issuedAtMs?: number;
  /** Default: v1. v2 needs a clock that is not behind the real one. */
  readonly log?: "v1" | "v2";
}

export interface KeylessAuthority {
  readonly trustedRootJson: string;
  sign(bytes: Uint8Array, signer: KeylessSigner, options?: KeylessOptions): Promise<BundleJson>;
  /** An in-toto statement that names the bytes' SHA-256. */
  signDsse(
    bytes: Uint8Array,
    name: string,
    signer: KeylessSigner,
    options?: KeylessOptions,
  ): Promise<BundleJson>;
  /** A key signer's bundle, with this instance's log entry for it. */
  addLogEntry(
    bundle: BundleJson,
    publicKeyPem: string,
    options?: Pick<KeylessOptions, "log">,
  ): Promise<BundleJson>;
}

/**
 * @param hasTimestamps whether there is a timestamp authority, which v2 of the log needs. What makes its
 * certificates does not survive bundling: @sigstore/mock asks for a default export of @peculiar/x509,
 * which the bundler takes from a file that has none.
 */
export async function createKeylessAuthority(
  clock: Clock,
  { hasTimestamps = true } = {},
): Promise<KeylessAuthority> {
  const authority = await createCertificateAuthority(clock);
  const log = await createTransparencyLog(clock, hasTimestamps);

  async function sign(
    signContent: (privateKey: KeyObject) => BundleContent,
    signer: KeylessSigner,
    options: KeylessOptions,
  ): Promise<BundleJson> {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const certificate = encodeBase64(
      await authority.issue({
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
        issuedAtMs: options.issuedAtMs ?? clock.now(),
        ...signer,
      }),
    );
    const content = signContent(privateKey);
    const evidence = await log.record(content, toCertificatePem(certificate), options.log);
    return {
      mediaType: BUNDLE_MEDIA_TYPE,
      verificationMaterial: { certificate: { rawBytes: certificate }, ...evidence },
      ...content,
    };
  }

  return {
    trustedRootJson: JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      ...authority.trustedRoot,
      ...log.trustedRoot,
    }),
    sign: (bytes, signer, options = {}) => sign((key) => signMessage(bytes, key), signer, options),
    signDsse: (bytes, name, signer, options = {}) =>
      sign((key) => signStatement(bytes, name, key), signer, options),
    async addLogEntry(bundle, publicKeyPem, options = {}) {
      const evidence = await log.record(bundle, publicKeyPem, options.log);
      return {
        ...bundle,
        verificationMaterial: { ...bundle.verificationMaterial, ...evidence },
      };
    },
  };
}

function toCertificatePem(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}
