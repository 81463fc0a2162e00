/** A bearer token or a password from a file, read anew for every call: a rotated one needs no restart. */
import { encodeBase64, encodeUtf8 } from "../core/encoding.ts";
import { StalledError } from "../errors.ts";
import type { SecretMask } from "../log.ts";
import type { Files } from "../runtime.ts";

export interface HttpAuth {
  readonly bearerTokenFile?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly passwordFile: string } | undefined;
}

const MAX_SECRET_BYTES = 64 * 1024;
const HEADER_SAFE = /^[\x21-\x7e]+$/;

export class HttpCredentials {
  /** @param peer whose they are, for messages */
  constructor(
    private readonly files: Files,
    private readonly auth: HttpAuth,
    private readonly mask: SecretMask,
    private readonly peer: string,
  ) {}

  /** The header, or none. Throws StalledError `config_invalid`. */
  async authorization(): Promise<Record<string, string>> {
    const { bearerTokenFile, basicAuth } = this.auth;
    if (bearerTokenFile) {
      const token = await this.#readSecret(bearerTokenFile);
      if (HEADER_SAFE.test(token)) return { authorization: `Bearer ${token}` };
      throw new StalledError("config_invalid", `${bearerTokenFile} does not hold a bearer token`, {
        hint: "put one token there, in one line",
      });
    }
    if (basicAuth) {
      const password = await this.#readSecret(basicAuth.passwordFile);
      const credentials = encodeBase64(encodeUtf8(`${basicAuth.username}:${password}`));
      return { authorization: `Basic ${this.mask.add(credentials)}` };
    }
    return {};
  }

  async #readSecret(path: string): Promise<string> {
    let cause: unknown;
    try {
      const bytes = await this.files.read(path, MAX_SECRET_BYTES);
      if (bytes) return this.mask.add(new TextDecoder().decode(bytes).trim());
    } catch (error) {
      cause = error;
    }
    throw new StalledError("config_invalid", `Cannot read credentials from ${path}`, {
      cause,
      hint: `mount the credentials for ${this.peer} there, readable for the connector's user`,
    });
  }
}
