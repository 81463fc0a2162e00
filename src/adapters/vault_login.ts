/** The ways to a Vault token. Credentials are read anew for each login, as they rotate on disk. */
import * as z from "zod";
import type { Config } from "../config/schema.ts";
import { decodeUtf8 } from "../core/encoding.ts";
import { StalledError } from "../errors.ts";
import type { SecretMask } from "../log.ts";
import type { Files } from "../runtime.ts";
import type { VaultClient } from "./vault_client.ts";

const MAX_CREDENTIAL_BYTES = 64 * 1024;

/** `token` is the value of VAULT_TOKEN, used when no file is named. */
export type VaultAuth = Config["vault"]["auth"] & { readonly token?: string };

export interface VaultLease {
  readonly token: string;
  /** Infinity for a token that never expires. */
  readonly ttlMs: number;
  readonly renewable: boolean;
}

const AuthAnswer = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number().min(0),
    renewable: z.boolean(),
  }),
});
const LookupAnswer = z.object({
  data: z.object({
    ttl: z.number().min(0),
    expire_time: z.string().nullable().default(null),
    renewable: z.boolean().default(false),
  }),
});

export class VaultLogin {
  constructor(
    private readonly auth: VaultAuth,
    private readonly files: Files,
    private readonly mask: SecretMask,
  ) {}

  /** Whether a login gives a new token, or only the configured one again. */
  get issuesTokens(): boolean {
    return this.auth.method !== "token";
  }

  async login(client: VaultClient, signal: AbortSignal): Promise<VaultLease> {
    const auth = this.auth;
    switch (auth.method) {
      case "token":
        return await this.#lookUp(client, await this.#configuredToken(auth), signal);
      case "kubernetes": {
        const jwt = await this.#credential(auth.tokenFile, "vault.auth.tokenFile");
        return await this.#post(client, auth.mount, { role: auth.role, jwt }, signal);
      }
      case "appRole": {
        const secretId = await this.#credential(auth.secretIdFile, "vault.auth.secretIdFile");
        const body = { role_id: auth.roleId, secret_id: secretId };
        return await this.#post(client, auth.mount, body, signal);
      }
    }
  }

  async renew(client: VaultClient, lease: VaultLease, signal: AbortSignal): Promise<VaultLease> {
    const path = "auth/token/renew-self";
    return this.#toLease(
      await client.call(AuthAnswer, { path, data: {}, token: lease.token, signal }),
    );
  }

  async #lookUp(client: VaultClient, token: string, signal: AbortSignal): Promise<VaultLease> {
    const path = "auth/token/lookup-self";
    const { data } = await client.call(LookupAnswer, { path, token, signal });
    // Without an expiry the TTL reads 0, as it does in a token's very last second.
    const ttlMs = data.expire_time === null ? Infinity : data.ttl * 1000;
    return { token, ttlMs, renewable: data.renewable };
  }

  async #post(
    client: VaultClient,
    mount: string,
    data: Record<string, string>,
    signal: AbortSignal,
  ): Promise<VaultLease> {
    const path = `auth/${mount.split("/").map(encodeURIComponent).join("/")}/login`;
    return this.#toLease(await client.call(AuthAnswer, { path, data, signal }));
  }

  #toLease({ auth }: z.infer<typeof AuthAnswer>): VaultLease {
    return {
      token: this.mask.add(auth.client_token),
      ttlMs: auth.lease_duration === 0 ? Infinity : auth.lease_duration * 1000,
      renewable: auth.renewable,
    };
  }

  async #configuredToken(auth: { tokenFile?: string | undefined; token?: string }) {
    if (auth.tokenFile) return await this.#credential(auth.tokenFile, "vault.auth.tokenFile");
    if (auth.token?.trim()) return this.mask.add(auth.token.trim());
    throw new StalledError("config_invalid", "There is no Vault token", {
      hint: "set vault.auth.tokenFile or the environment variable VAULT_TOKEN",
    });
  }

  async #credential(path: string, key: string): Promise<string> {
    const bytes = await this.files.read(path, MAX_CREDENTIAL_BYTES);
    const text = bytes && decodeUtf8(bytes).trim();
    if (text) return this.mask.add(text);
    throw new StalledError("config_invalid", `${path} ${bytes ? "is empty" : "does not exist"}`, {
      hint: `check ${key} and what is mounted there`,
    });
  }
}
