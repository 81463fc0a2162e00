/** Whether a receipt was signed by this connector: offline, with nothing but its public key. */
import { compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { InvalidInputError, RefusedError, StalledError } from "../errors.ts";
import { decodeBase64Url, decodeUtf8, encodeBase64Url } from "./encoding.ts";
import { Ed25519Jwk, ReceiptPayload } from "./protocol.ts";
import { RECEIPT_TYPE } from "./receipt.ts";
import { describeIssues } from "./schema_problem.ts";
import { parsePublicKey } from "./verification/public_key.ts";

/** Four times what the control plane takes. */
const MAX_TEXT = 262_144;
const JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

type VerifyKey = Parameters<typeof compactVerify>[1];

/**
 * @param text a JWK or a PEM block, as `neuralops-connector key` prints them
 * Throws StalledError `config_invalid`; never quotes the text, since it may be a private key.
 */
export async function readReceiptKey(text: string): Promise<VerifyKey> {
  try {
    if (!text.trimStart().startsWith("{")) {
      const { object } = parsePublicKey(text);
      if (object.asymmetricKeyType !== "ed25519") throw new Error("is no Ed25519 key");
      return object;
    }
    const jwk = Ed25519Jwk.safeParse(JSON.parse(text));
    if (!jwk.success) throw new Error("is no public Ed25519 JWK");
    const { kty, crv, x } = jwk.data;
    return await importJWK({ kty, crv, x }, "EdDSA");
  } catch (error) {
    const why = error instanceof SyntaxError ? "is no JSON" : (error as Error).message;
    throw new StalledError("config_invalid", `the key ${why}`, {
      hint: "neuralops-connector key prints it on the connector's host, as PEM or JWK",
    });
  }
}

/**
 * @param text the JWS alone, or the JSON around it that the outbox's files and the API have
 * Throws InvalidInputError `malformed_request`, RefusedError `bad_signature`.
 */
export async function verifyReceipt(text: string, key: VerifyKey): Promise<ReceiptPayload> {
  const jws = jwsIn(text);
  let type: unknown;
  let payload: Uint8Array;
  try {
    assertCanonical(jws.slice(jws.lastIndexOf(".") + 1));
    type = decodeProtectedHeader(jws).typ;
    ({ payload } = await compactVerify(jws, key, { algorithms: ["EdDSA", "Ed25519"] }));
  } catch (cause) {
    throw new RefusedError(
      "bad_signature",
      "signature check failed: it was not signed by this key, or was altered",
      { cause, hint: "take the key of the connector that the receipt came from" },
    );
  }
  // The same key signs approvals and proofs of possession: none of them may pass for a receipt.
  if (type !== RECEIPT_TYPE) {
    throw new RefusedError("bad_signature", `type check failed: it is no ${RECEIPT_TYPE}`);
  }
  return parsePayload(payload);
}

/** The last character has bits that are not used: a receipt has one spelling only. */
function assertCanonical(signature: string): void {
  if (encodeBase64Url(decodeBase64Url(signature)) === signature) return;
  throw new TypeError("the signature is not in canonical base64url");
}

function parsePayload(bytes: Uint8Array): ReceiptPayload {
  let json: unknown;
  try {
    json = JSON.parse(decodeUtf8(bytes));
  } catch {
    throw new InvalidInputError("malformed_request", "The receipt's payload is no JSON");
  }
  const parsed = ReceiptPayload.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    "malformed_request",
    `The receipt's payload is not of this version: ${
      describeIssues(parsed.error, json).join("; ")
    }`,
  );
}

function jwsIn(text: string): string {
  let jws: unknown = text.trim();
  if (text.length <= MAX_TEXT && text.trimStart().startsWith("{")) {
    try {
      const { jws: stored, receipt } = JSON.parse(text);
      jws = stored ?? receipt;
    } catch {
      // Said below.
    }
  }
  if (typeof jws === "string" && jws.length <= MAX_TEXT && JWS.test(jws)) return jws;
  throw new InvalidInputError("malformed_request", "The file holds no receipt", {
    hint: "it must be a compact JWS, as neuralops-connector executions receipt writes it",
  });
}
