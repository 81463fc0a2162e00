/** What a public key must be at least, and may be at most. */

/** One block, and nothing else; its base64 is the group. */
export const PUBLIC_KEY_PEM =
  /^\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;
export const MAX_PEM_LENGTH = 16_384;
export const MIN_RSA_BITS = 2048;
export const MAX_RSA_BITS = 8192;
