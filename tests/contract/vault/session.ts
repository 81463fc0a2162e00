/** The connector's own session with a target, and plain calls past all of our code. */
import { VaultSession } from "../../../src/adapters/vault.ts";
import type { VaultAuth } from "../../../src/adapters/vault_login.ts";
import { SecretMask } from "../../../src/log.ts";
import { createMetrics } from "../../../src/metrics.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import { IDENTITY_ROLE, type VaultTarget } from "./target.ts";

export const SIGNAL = new AbortController().signal;

type Reached = Pick<VaultTarget, "address" | "caPem" | "clock">;

export interface CountedSession extends Disposable {
  readonly session: VaultSession;
  /** How often it logged in. */
  logins(): Promise<number>;
}

export function openSession(
  { address, caPem, clock }: Reached,
  auth: VaultAuth,
  changes: { identityRole?: string } = {},
): CountedSession {
  const metrics = createMetrics();
  const session = new VaultSession(
    systemRuntime(clock),
    { address, caPem, auth, identityRole: IDENTITY_ROLE, timeoutMs: 5000, ...changes },
    new SecretMask(),
    metrics,
  );
  return {
    session,
    async logins() {
      const { values } = await metrics.vaultLogins.get();
      return values.find(({ labels }) => labels["kind"] === "login")?.value ?? 0;
    },
    [Symbol.dispose]: () => session.close(),
  };
}

export interface VaultAnswer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** @param body makes it a POST */
export async function callVault(
  { address, caPem }: Pick<Reached, "address" | "caPem">,
  path: string,
  { token, body, method = body ? "POST" : "GET" }: {
    token?: string;
    body?: Record<string, unknown>;
    method?: string;
  } = {},
): Promise<VaultAnswer> {
  const client = Deno.createHttpClient({ caCerts: [caPem] });
  try {
    const response = await fetch(`${address}/v1/${path}`, {
      client,
      method,
      headers: token === undefined ? {} : { "x-vault-token": token },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  } finally {
    client.close();
  }
}

/** A token as a login gives it. */
export async function logIn(
  target: VaultTarget,
  { mount, roleId, secretId }: { mount: string; roleId: string; secretId: string },
) {
  const { body } = await callVault(target, `auth/${mount}/login`, {
    body: { role_id: roleId, secret_id: secretId },
  });
  return body.auth as { client_token: string; lease_duration: number; renewable: boolean };
}
