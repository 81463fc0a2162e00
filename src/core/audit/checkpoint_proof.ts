/** Whether a checkpoint was signed by the key of the connector whose log it is of. */
import { createPublicKey, verify } from "node:crypto";
import { RefusedError } from "../../errors.ts";
import { encodeBase64Url, encodeUtf8 } from "../encoding.ts";
import { type Checkpoint, keyIdOf, parseNote } from "./checkpoint.ts";

/**
 * @param name the key name that must have signed, or null for any name under this key
 * @throws InvalidInputError `malformed_request` when it is no checkpoint, RefusedError `bad_signature`
 *   when that key did not sign it
 */
export function verifyCheckpoint(
  note: string,
  name: string | null,
  publicKey: Uint8Array,
): Checkpoint {
  const { body, checkpoint, signatures } = parseNote(note);
  const own = signatures.filter((signature) =>
    (name === null || signature.name === name) &&
    signature.keyId === keyIdOf(signature.name, publicKey)
  );
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(publicKey) },
    format: "jwk",
  });
  if (!own.some(({ signature }) => verify(null, encodeUtf8(body), key, signature))) {
    throw new RefusedError(
      "bad_signature",
      `The checkpoint of ${checkpoint.origin} is not signed by the expected key`,
      { hint: "check the public key; if it is right, the checkpoint was altered" },
    );
  }
  return checkpoint;
}
