/** Why a bundle is refused: which check failed, for which signer, and what can be done. */
import { VerificationError } from "@sigstore/verify";
import { type ErrorDetails, type RefusedCode, RefusedError } from "../../errors.ts";
import { NeedsArtifactError } from "./content.ts";

export type Check =
  | "artifact digest"
  | "signature"
  | "signer"
  | "certificate"
  | "identity"
  | "transparency log"
  | "timestamp"
  | "statement";

const HINTS: Partial<Record<RefusedCode, string>> = {
  bad_signature:
    "sign the exact bytes again with a trusted key; any change after signing is refused",
  unknown_signer: "sign with a key that trust.signers names, or add this signer there",
  untrusted_certificate: "the certificate must come from the trusted root's authority",
  wrong_identity: "sign as the identity that trust.signers names, or correct it there",
  missing_log_proof: "sign with the transparency log that the trusted root names",
  expired: "sign again: the signing time must lie within the certificate's validity",
};

export function refuse(
  code: RefusedCode,
  check: Check,
  signer: string | null,
  what: string,
  details: ErrorDetails = {},
): RefusedError {
  const whose = signer === null ? "" : ` for signer "${signer}"`;
  const hint = details.hint ?? HINTS[code];
  return new RefusedError(code, `${check} check failed${whose}: ${what}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: details.cause,
  });
}

/** Whatever was thrown in the middle of verification, as a refusal: nothing unexpected lets a bundle through. */
export function toRefusal(error: unknown, signer: string | null): RefusedError {
  if (error instanceof RefusedError) return error;
  if (error instanceof NeedsArtifactError) {
    const what = "it cannot be checked from the artifact's SHA-256 alone";
    const hint =
      "give the file itself; a digest is enough for ECDSA and RSA signatures over a SHA-256";
    return refuse("bad_signature", "signature", signer, what, { hint });
  }
  if (!(error instanceof VerificationError)) {
    return refuse("bad_signature", "signature", signer, "the bundle's evidence cannot be read", {
      cause: error,
    });
  }
  switch (error.code) {
    case "CERTIFICATE_ERROR":
      return refuse("untrusted_certificate", "certificate", signer, error.message, {
        cause: error,
      });
    case "SIGNATURE_ERROR":
    case "PUBLIC_KEY_ERROR":
    case "NOT_IMPLEMENTED_ERROR":
      return refuse("bad_signature", "signature", signer, "it does not match", {
        cause: error,
      });
    case "TIMESTAMP_ERROR":
      return refuse("missing_log_proof", "timestamp", signer, error.message, { cause: error });
    default:
      return refuse("missing_log_proof", "transparency log", signer, error.message, {
        cause: error,
      });
  }
}
