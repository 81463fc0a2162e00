/** The embedded Vault's tokens: leases that end on the given clock. */

export interface TokenGrant {
  /** Length of one lease in seconds; 0: never ends. */
  readonly ttlSeconds: number;
  /** From the creation on, however often it is renewed; 0: without limit. */
  readonly maxTtlSeconds: number;
  readonly renewable: boolean;
  /** Stands in `sub` of identity tokens; empty for a token that an administrator made without one. */
  readonly entityId: string;
  /** How the paths begin that its policy lets it read. */
  readonly reads: readonly string[];
}

interface Token extends TokenGrant {
  readonly createdMs: number;
  expiresMs: number;
}

export class VaultTokens {
  readonly #tokens = new Map<string, Token>();

  constructor(private readonly now: () => number) {}

  create(grant: TokenGrant): string {
    const token = `hvs.${crypto.getRandomValues(new Uint8Array(24)).toHex()}`;
    const createdMs = this.now();
    this.#tokens.set(token, {
      ...grant,
      createdMs,
      expiresMs: leaseEnd(grant, createdMs, createdMs),
    });
    return token;
  }

  /** null for a token that is unknown, ended or revoked. */
  find(token: string | null): Token | null {
    const found = token === null ? undefined : this.#tokens.get(token);
    return found && this.now() < found.expiresMs ? found : null;
  }

  /** False in its last second before the longest life that it may have. */
  renew(token: Token): boolean {
    const nowMs = this.now();
    if (token.maxTtlSeconds > 0 && token.createdMs + token.maxTtlSeconds * 1000 - nowMs < 1000) {
      return false;
    }
    token.expiresMs = leaseEnd(token, token.createdMs, nowMs);
    return true;
  }

  /** Whole seconds; 0 for one without an end. */
  ttlSeconds(token: Token): number {
    return token.expiresMs === Infinity ? 0 : Math.floor((token.expiresMs - this.now()) / 1000);
  }

  revokeAll(): void {
    this.#tokens.clear();
  }
}

function leaseEnd(grant: TokenGrant, createdMs: number, nowMs: number): number {
  if (grant.ttlSeconds === 0) return Infinity;
  const limitMs = grant.maxTtlSeconds === 0 ? Infinity : createdMs + grant.maxTtlSeconds * 1000;
  return Math.min(nowMs + grant.ttlSeconds * 1000, limitMs);
}
