/** A Vault that can be prepared: by an administrator's calls where it is real, by hand where it is embedded. */
import type { VaultAuth } from "../../../src/adapters/vault_login.ts";
import type { Clock } from "../../../src/runtime.ts";

export const IDENTITY_ROLE = "neuralops-connector";
/** Below it a connector may read; beside it it may not. */
export const READABLE = "secret/data/neuralops";

export interface Grant {
  readonly ttlSeconds: number;
  /** However often it is renewed; default: no limit of its own. */
  readonly maxTtlSeconds?: number;
  /** Default: true. */
  readonly renewable?: boolean;
}

export interface AppRole {
  readonly mount: string;
  readonly roleId: string;
  readonly secretId: string;
}

/** An initialised Vault of its own, that starts sealed. */
export interface SealedVault extends AsyncDisposable {
  readonly address: string;
  readonly caPem: string;
  /** Good once it is unsealed. */
  readonly token: string;
  unseal(): Promise<void>;
}

export interface VaultTarget extends AsyncDisposable {
  readonly address: string;
  readonly caPem: string;
  /** `iss` of its identity tokens. */
  readonly issuer: string;
  /** What its leases are counted on. */
  readonly clock: Clock;
  /** For credential files; empty at first. */
  readonly folder: string;
  /** A service account that may log in as this role. */
  readonly serviceAccount: { readonly role: string; readonly jwt: string };
  appRole(grant: Grant): Promise<AppRole>;
  /** Made by an administrator, not by a login. */
  token(grant: Grant & { readonly hasEntity: boolean }): Promise<string>;
  /** Ends every token that an AppRole login gave. */
  revokeLogins(): Promise<void>;
  /** @param path as it is read */
  writeSecret(path: string, data: Record<string, string>): Promise<void>;
  /** Deletes the newest version. */
  deleteSecret(path: string): Promise<void>;
  /** Lets time pass until the condition holds; throws when that takes longer than the limit. */
  until(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<void>;
  sealed(): Promise<SealedVault>;
}

/** Parts of the configuration, with their files written. */
export async function appRoleAuth(target: VaultTarget, role: AppRole): Promise<VaultAuth> {
  const secretIdFile = await credentialFile(target, role.secretId);
  return { method: "appRole", mount: role.mount, roleId: role.roleId, secretIdFile };
}

export async function credentialFile({ folder }: VaultTarget, text: string): Promise<string> {
  const path = `${folder}/${crypto.randomUUID()}`;
  await Deno.writeTextFile(path, text);
  return path;
}
